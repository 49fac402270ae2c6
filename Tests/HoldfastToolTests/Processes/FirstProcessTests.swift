import Foundation
import HoldfastTesting
import Processes
import TestSupport
import Testing

/// The tool as the first process of a container: it gets no signal that it does not handle, and all processes whose
/// parents ended.
@Suite(.enabled("This machine lets nobody make a process namespace.") { await FirstProcess.isPossible })
struct FirstProcessTests {
    @Test func `Orphans of the command are reaped`() async throws {
        try await withPrivateRedisServer { server in
            // A zombie shows in /proc until somebody reaps it.
            let script = """
                sh -c 'for number in 1 2 3 4 5; do sleep 0 & echo $!; done >orphans'
                for orphan in $(cat orphans); do while [ -e /proc/$orphan ]; do sleep 0.01; done; done
                rm orphans; exit 6
                """
            let tool = try Tool(
                ["run", "a", "--", "sh", "-c", "cd \(server.directory); \(script)"], server: server.url,
                wrapper: FirstProcess.wrapper)
            #expect(await tool.end(within: .seconds(20)).status == 6)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `A wait ends by a signal, and leaves no place in the queue`(signal: Int32) async throws {
        try await withPrivateRedisServer { server in
            let holder = try Tool(["run", "a", "--", "sleep", "60"], server: server.url)
            #expect(try await eventually { try await Self.lock(server).held })
            for arguments in [["locks", "wait", "a"], ["run", "a", "--wait", "forever", "--", "true"]] {
                for wrapper in [FirstProcess.wrapper, []] {
                    let tool = try Tool(arguments, server: server.url, wrapper: wrapper)
                    #expect(try await eventually { try await Self.lock(server).waiting == 1 })
                    let waiter = try #require(wrapper.isEmpty ? tool.child.pid : FirstProcess.child(of: tool))
                    kill(waiter, signal)
                    #expect(await tool.end(within: .seconds(10)).status == 128 + signal)
                    #expect(try await Self.lock(server).waiting == 0)
                }
            }
            holder.child.signal(SIGTERM)
            _ = await holder.end()
        }
    }

    @Test func `A command that only reads ends by a signal`() async throws {
        try await withPrivateRedisServer { server in
            let pipe = Pipe()
            let tool = try Tool(
                ["send", "q"], server: server.url,
                input: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)",
                wrapper: FirstProcess.wrapper)
            #expect(await eventually { FirstProcess.child(of: tool).map(Self.handlesTermination) ?? false })
            kill(try #require(FirstProcess.child(of: tool)), SIGTERM)
            #expect(await tool.end(within: .seconds(10)).status == 128 + SIGTERM)
            try pipe.fileHandleForWriting.close()
        }
    }

    private struct Lock: Decodable {
        var held: Bool
        var waiting: Int
    }

    private static func lock(_ server: PrivateRedisServer) async throws -> Lock {
        try await Tool.run("locks", "show", "a", "--json", server: server.url).json()
    }

    private static func handlesTermination(_ pid: Int32) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let mask = status?.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t")
            .last
        return (mask.flatMap { UInt64($0, radix: 16) } ?? 0) & (1 << UInt64(SIGTERM - 1)) != 0
    }
}

enum FirstProcess {
    /// Runs a program as the first process of a namespace of its own, and ends as it does.
    static let wrapper =
        ["unshare"] + (geteuid() == 0 ? [] : ["--user", "--map-root-user"])
        + ["--pid", "--fork", "--kill-child", "--mount-proc"]

    static var isPossible: Bool {
        get async {
            guard let child = try? SpawnPlan(wrapper[0], wrapper.dropFirst() + ["true"]).start() else {
                return false
            }
            for await _ in child.changes {}
            return child.state == .exited(status: 0)
        }
    }

    /// The process that the wrapper runs, by its number outside.
    static func child(of tool: Tool) -> Int32? {
        let pid = tool.child.pid
        let children = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        return children?.split(separator: " ").first.flatMap { Int32($0) }
    }
}

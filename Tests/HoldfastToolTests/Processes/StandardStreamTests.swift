import Foundation
import HoldfastSimulation
import HoldfastTesting
import Testing

/// The tool where its standard streams are closed, full or gone.
@Suite struct StandardStreamTests {
    @Test func `Nothing that is opened takes the place of a closed stream`() async throws {
        try await withPrivateRedisServer { server in
            let tool = try Tool(
                ["run", "a", "--", "sleep", "60"], server: server.url,
                wrapper: ["sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"])
            let holds = try await eventually {
                try await Tool.run("locks", "show", "a", server: server.url).output.contains("holder")
            }
            #expect(holds)
            for stream in 0...2 {
                let path = "/proc/\(tool.child.pid)/fd/\(stream)"
                #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/dev/null")
            }
            tool.child.signalGroup(SIGTERM)
            _ = await tool.end()
        }
    }

    @Test(
        "Output that is not taken is told in the system's words",
        arguments: [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")])
    func lostOutput(redirection: String, reason: String) async throws {
        try await withPrivateRedisServer { server in
            let outcome = try await Tool.run(
                "locks", "ls", server: server.url,
                wrapper: ["sh", "-c", "exec \"$@\" \(redirection)", "sh"])
            #expect(outcome.status == 1)
            #expect(outcome.error == "holdfast: cannot write to standard output: \(reason)\n")
        }
    }
}

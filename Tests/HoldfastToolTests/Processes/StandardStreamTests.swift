import Foundation
import HoldfastTesting
import Processes
import TestSupport
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

    @Test func `Nothing is lost where standard output does not block and its reader is slow`() async throws {
        try await withPrivateRedisServer { server in
            let fill = "redis.call('XADD', KEYS[1], '1-0', 'body', string.rep('x', 1000000))"
            try await redisCLI(server, "EVAL", fill, "1", "holdfast:{q}:dead")
            let pipe = Pipe()
            let (exit, entry) = (pipe.fileHandleForReading, pipe.fileHandleForWriting)
            let descriptor = entry.fileDescriptor
            try #require(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
            var plan = SpawnPlan(Tool.path, ["queues", "dead", "show", "q", "1-0"])
            plan.environment = ["HOLDFAST_REDIS_URL": server.url]
            plan.input = .nothing
            plan.output = .descriptor(descriptor)
            let child = try plan.start()
            let isFull = await eventually {
                var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                return poll(&polled, 1, 0) == 0
            }
            #expect(isFull)
            try entry.close()
            let output = try exit.readToEnd() ?? Data()
            let isOver = await eventually { child.state.isOver }
            #expect(isOver)
            #expect(child.state == .exited(status: 0))
            let shown = output.filter { $0 == UInt8(ascii: "x") }.count
            #expect(shown == 1_000_000)
        }
    }
}

import Foundation
import HoldfastTesting
import Processes
import TestSupport
import Testing

/// `holdfast run` on a terminal, which `script` of util-linux provides.
@Suite struct TerminalTests {
    /// Runs a shell command line on a terminal of its own, with `keys` typed into it.
    private static func onTerminal(_ line: String, keys: String, server: PrivateRedisServer) async throws
        -> String
    {
        try await withFile(keys) { input in
            let handle = try FileHandle(forReadingFrom: URL(filePath: input))
            defer { try? handle.close() }
            let output = FileManager.default.temporaryDirectory.appending(path: "tty-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: output) }
            var plan = SpawnPlan("script", ["-qec", line, "/dev/null"])
            plan.environment = ["HOLDFAST_REDIS_URL": server.url, "SHELL": "/bin/sh"]
            plan.input = .descriptor(handle.fileDescriptor)
            plan.output = .appending(path: output.path)
            let child = try plan.start()
            if !(await eventually(within: .seconds(30), { child.state.isOver })) {
                child.signalGroup(SIGKILL)
            }
            return try String(contentsOf: output, encoding: .utf8)
        }
    }

    @Test func `An interactive command can read from the terminal, and the shell has it back afterwards`()
        async throws
    {
        try await withPrivateRedisServer { server in
            let line = """
                \(Tool.path) run a -- sh -c 'read one; echo "first:$one"'; read two; echo "second:$two"
                """
            let output = try await Self.onTerminal(line, keys: "hello\nworld\n", server: server)
            #expect(output.contains("first:hello"))
            #expect(output.contains("second:world"))
        }
    }

    @Test func `A command in a pipeline gets the terminal when it asks for it`() async throws {
        try await withPrivateRedisServer { server in
            let line = "\(Tool.path) run a -- sh -c 'read one </dev/tty; echo \"first:$one\"' | cat"
            let output = try await Self.onTerminal(line, keys: "hello\n", server: server)
            #expect(output.contains("first:hello"))
        }
    }

    @Test func `A command in the background of a script leaves the terminal to the script`() async throws {
        try await withPrivateRedisServer { server in
            let flag = FileManager.default.temporaryDirectory.appending(path: "flag-\(UUID().uuidString)")
                .path
            let command = "touch \(flag); while [ -e \(flag) ]; do sleep 0.05; done"
            let line = """
                \(Tool.path) run a -- sh -c '\(command)' & until [ -e \(flag) ]; do sleep 0.05; done; \
                read one; echo "first:$one"; rm \(flag); wait
                """
            let output = try await Self.onTerminal(line, keys: "hello\n", server: server)
            try? FileManager.default.removeItem(atPath: flag)
            #expect(output.contains("first:hello"))
        }
    }

    @Test func `A command that is interrupted on the terminal interrupts the script around it`() async throws
    {
        try await withPrivateRedisServer { server in
            // Field 8 is the group that has the terminal.
            let command = """
                until [ "$(cut -d" " -f8 /proc/$$/stat)" = $$ ]; do sleep 0.05; done; kill -INT $$
                """
            let line = """
                for i in 1 2; do echo "turn:$i"; \(Tool.path) run a -- sh -c '\(command)'; done; echo "behind:it"
                """
            let output = try await Self.onTerminal(line, keys: "", server: server)
            #expect(output.contains("turn:1"))
            #expect(!output.contains("turn:2"))
            #expect(!output.contains("behind:it"))
            let lock = try await Tool.run("locks", "show", "a", server: server.url)
            #expect(lock.output == "a is free\n")
        }
    }
}

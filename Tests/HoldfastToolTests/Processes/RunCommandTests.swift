import Foundation
import HoldfastTesting
import Processes
import TestSupport
import Testing

/// `holdfast run` and `holdfast locks`, as real processes.
@Suite struct RunCommandTests {
    private struct Lock: Decodable {
        var name: String
        var held: Bool
        var pid: Int32?
        var host: String?
        var fence: Int64?
        var remainingMilliseconds: Int64?
        var heldForMilliseconds: Int64?
    }

    private static func lock(_ name: String, _ server: PrivateRedisServer) async throws -> Lock {
        try await Tool.run("locks", "show", name, "--json", server: server.url).json()
    }

    /// Starts `run` and waits until its command has said that it runs.
    private static func start(
        _ server: PrivateRedisServer, _ options: [String] = [], script: String, wrapper: [String] = []
    ) async throws -> Tool {
        let tool = try Tool(
            ["run", "a"] + options + ["--", "sh", "-c", "echo runs; \(script)"], server: server.url,
            wrapper: wrapper)
        #expect(await eventually { tool.output.contains("runs") || tool.child.state.isOver })
        return tool
    }

    @Test
    func `The command gets the lock's name and fence, its status is passed on, and the lock is released`()
        async throws
    {
        try await withPrivateRedisServer { server in
            let script = "echo \"$HOLDFAST_LOCK $HOLDFAST_FENCE\"; exit 7"
            let outcome = try await Tool.run("run", "a b", "--", "sh", "-c", script, server: server.url)
            #expect(outcome.status == 7)
            let words = outcome.output.split(whereSeparator: \.isWhitespace)
            #expect(words.dropLast() == ["a", "b"])
            #expect(words.last.flatMap { Int64($0) } ?? 0 > 0)
            #expect(try await Self.lock("a b", server).held == false)
        }
    }

    @Test func `A held lock is listed with its holder, and refuses others, who are told`() async throws {
        try await withPrivateRedisServer { server in
            let tool = try await Self.start(server, script: "exec sleep 60")
            let shown = try await Self.lock("a", server)
            #expect(shown.held)
            #expect(shown.pid == tool.child.pid)
            #expect(shown.host == ProcessInfo.processInfo.hostName)
            #expect(shown.fence ?? 0 > 0)
            #expect((1...30_000).contains(shown.remainingMilliseconds ?? 0))

            let listed: [String: [Lock]] = try await Tool.run("locks", "ls", "--json", server: server.url)
                .json()
            #expect(listed["locks"]?.map(\.name) == ["a"])
            let table = try await Tool.run("locks", "ls", server: server.url).output
            #expect(table.split(separator: "\n").count == 2)
            #expect(table.contains(String(tool.child.pid)))

            let refused = try await Tool.run("run", "a", "--wait", "50ms", "--", "true", server: server.url)
            #expect(refused.status == 75)
            #expect(refused.output.isEmpty)
            #expect(
                refused.error.contains(
                    "the lock a is held by \(ProcessInfo.processInfo.hostName), pid \(tool.child.pid)"))

            tool.child.signal(SIGTERM)
            #expect(await tool.end().status == 128 + SIGTERM)
            #expect(try await Self.lock("a", server).held == false)
        }
    }

    @Test func `Deleting the lock's key ends the command within the lease, and run says why`() async throws {
        try await withPrivateRedisServer { server in
            let tool = try await Self.start(server, ["--lease", "3s"], script: "exec sleep 60")
            try await redisCLI(server, "DEL", "holdfast:{a}:lock")
            let outcome = await tool.end()
            #expect(outcome.status == 79)
            #expect(outcome.error.contains("the lock a was lost: "))
        }
    }

    @Test func `A command that ignores SIGTERM is killed after its grace, with its children`() async throws {
        try await withPrivateRedisServer { server in
            let script = "trap '' TERM; sleep 60 & echo child $!; wait"
            let tool = try await Self.start(server, ["--lease", "1s", "--grace", "200ms"], script: script)
            #expect(await eventually { tool.output.contains("child ") })
            let grandchild = Int32(tool.output.split(whereSeparator: \.isWhitespace).last ?? "")
            try await redisCLI(server, "DEL", "holdfast:{a}:lock")
            #expect(await tool.end().status == 79)
            let pid = try #require(grandchild)
            #expect(await eventually { !isAlive(pid) })
        }
    }

    @Test(arguments: ["2>/dev/full", "2>&-", "2> >(exec true)"])
    func `A loss stops the command though nobody can read why`(redirection: String) async throws {
        try await withPrivateRedisServer { server in
            let tool = try await Self.start(
                server, ["--lease", "1s"], script: "echo $$; exec sleep 60",
                wrapper: ["bash", "-c", "exec \"$0\" \"$@\" \(redirection)"])
            #expect(await eventually { tool.output.split(separator: "\n").count == 2 })
            let pid = try #require(tool.output.split(separator: "\n").last.flatMap { Int32($0) })
            try await redisCLI(server, "DEL", "holdfast:{a}:lock")
            #expect(await tool.end().status == 79)
            #expect(!isAlive(pid))
        }
    }

    @Test func `What a command leaves behind ends with the loss too`() async throws {
        try await withPrivateRedisServer { server in
            let rest = "sh -c 'trap \"\" TERM; echo child $$; exec sleep 60'"
            let tool = try await Self.start(
                server, ["--lease", "1s", "--grace", "200ms"], script: "\(rest) & exec sleep 60")
            #expect(await eventually { tool.output.contains("child ") })
            let pid = try #require(
                tool.output.split(whereSeparator: \.isWhitespace).last.flatMap { Int32($0) })
            try await redisCLI(server, "DEL", "holdfast:{a}:lock")
            #expect(await tool.end().status == 79)
            #expect(await eventually { !isAlive(pid) })
        }
    }

    @Test func `A listing that cannot be written is an error, not a crash`() async throws {
        try await withPrivateRedisServer { server in
            let full = ["bash", "-c", "exec \"$0\" \"$@\" >/dev/full"]
            let outcome = try await Tool.run("locks", "ls", server: server.url, wrapper: full)
            #expect(outcome.status == 1)
            #expect(!outcome.error.isEmpty)
        }
    }

    @Test func `A server that is gone loses the lock at its deadline`() async throws {
        try await withPrivateRedisServer { server in
            let tool = try await Self.start(server, ["--lease", "1s"], script: "exec sleep 60")
            await server.kill()
            let outcome = await tool.end()
            #expect(outcome.status == 79)
            #expect(outcome.error.contains("deadline"))
        }
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGUSR1])
    func `A signal goes on to the command, whose end decides the status`(signal: Int32) async throws {
        try await withPrivateRedisServer { server in
            let name = try #require([SIGINT: "INT", SIGTERM: "TERM", SIGHUP: "HUP", SIGUSR1: "USR1"][signal])
            let script = "trap 'echo caught; exit 5' \(name); echo ready; while :; do sleep 0.01; done"
            let caught = try await Self.start(server, script: script)
            #expect(await eventually { caught.output.contains("ready") })
            caught.child.signal(signal)
            let outcome = await caught.end()
            #expect(outcome.status == 5)
            #expect(outcome.output.contains("caught"))

            let killed = try await Self.start(server, script: "exec sleep 60")
            killed.child.signal(signal)
            #expect(await killed.end().status == 128 + signal)
            #expect(try await Self.lock("a", server).held == false)
        }
    }

    @Test func `Under nohup a hangup is ignored by both`() async throws {
        try await withPrivateRedisServer { server in
            let script = "while [ ! -e \"$0\" ]; do sleep 0.01; done; exit 4"
            let flag = FileManager.default.temporaryDirectory.appending(path: "flag-\(UUID().uuidString)")
                .path
            defer { try? FileManager.default.removeItem(atPath: flag) }
            let tool = try Tool(
                ["run", "a", "--", "sh", "-c", "echo runs; \(script)", flag], server: server.url,
                wrapper: ["nohup"])
            #expect(await eventually { tool.output.contains("runs") })
            tool.child.signal(SIGHUP)
            try Data().write(to: URL(filePath: flag))
            #expect(await tool.end().status == 4)
        }
    }

    @Test func `A command that can't be started is told as shells do, and the lock is released`() async throws
    {
        try await withPrivateRedisServer { server in
            let missing = try await Tool.run("run", "a", "--", "no-such-command", server: server.url)
            #expect(missing.status == 127)
            #expect(missing.error.contains("no-such-command"))
            let folder = try await Tool.run("run", "a", "--", "/tmp", server: server.url)
            #expect(folder.status == 126)
            #expect(try await Self.lock("a", server).held == false)
        }
    }

    @Test func `A waiting run gets the lock when it is released, and gives up at a signal`() async throws {
        try await withPrivateRedisServer { server in
            let holder = try await Self.start(server, ["--lease", "1s"], script: "exec sleep 60")
            let waiter = try Tool(
                ["run", "a", "--wait", "30s", "--lease", "1s", "--", "echo", "mine"], server: server.url)
            let quitter = try Tool(
                ["run", "a", "--wait", "forever", "--", "echo", "never"], server: server.url)
            #expect(await eventually { Self.catchesSignals(quitter.child.pid) })
            quitter.child.signal(SIGINT)
            let quit = await quitter.end()
            #expect(quit.status == 128 + SIGINT)
            #expect(quit.output.isEmpty)

            holder.child.signal(SIGTERM)
            _ = await holder.end()
            let outcome = await waiter.end()
            #expect(outcome.status == 0)
            #expect(outcome.output == "mine\n")
        }
    }

    /// Whether the process has taken over SIGINT, which it does before it asks for the lock.
    private static func catchesSignals(_ pid: Int32) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let mask = status?.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t")
            .last
        return (mask.flatMap { UInt64($0, radix: 16) } ?? 0) & (1 << UInt64(SIGINT - 1)) != 0
    }

    @Test func `What can't be done is told by the documented statuses`() async throws {
        let unreachable = try await Tool.run(
            "run", "a", "--redis", "redis://127.0.0.1:1", "--", "true")
        #expect(unreachable.status == 69)
        #expect(try await Tool.run("locks", "ls", "--redis", "redis+unix:///nowhere.sock").status == 69)
        #expect(try await Tool.run("run", "a").status == 64)
        #expect(try await Tool.run("run", "a", "--wait", "soon", "--", "true").status == 64)
        #expect(try await Tool.run("locks", "ls", "--redis", "http://localhost").status == 64)
        #expect(try await Tool.run("frobnicate").status == 64)
        #expect(try await Tool.run("run", "--help").output.contains("79   run: the lock was lost"))
    }

    @Test func `TLS that is refused is told with its cause`() async throws {
        try await withPrivateRedisServer(.init(transport: .tls, binary: "redis-server")) { server in
            let granted = try await Tool.run("locks", "ls", server: server.url)
            #expect(granted.status == 0)
            let missing = try await Tool.run("locks", "ls", server: server.url + ".none")
            #expect(missing.status == 64)
            #expect(missing.error.contains("/ca.pem.none: No such file or directory"))
            let plain = String(server.url.prefix { $0 != "?" })
            let refused = try await Tool.run("locks", "ls", server: plain)
            #expect(refused.status == 69)
            #expect(refused.error.contains("its authority is not trusted"))
        }
    }

    @Test func `A password in the URL is never shown`() async throws {
        let url = "redis://user:se-cret@127.0.0.1:1"
        let outcome = try await Tool.run("locks", "ls", "--verbose", environment: ["HOLDFAST_REDIS_URL": url])
        #expect(outcome.status == 69)
        #expect(!outcome.error.contains("se-cret"))
    }

    @Test("The command does not inherit the server's URL")
    func secretsStay() async throws {
        try await withPrivateRedisServer(.init(password: "CANARY")) { server in
            // The tests' own password is in the environment of all that they start.
            let outcome = try await Tool.run(
                "run", "a", "--", "sh", "-c", "unset HOLDFAST_TEST_PASSWORD; env", server: server.url)
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("HOLDFAST_LOCK=a"))
            #expect(!outcome.output.contains("CANARY"))
            #expect(!outcome.output.contains("HOLDFAST_REDIS_URL"))
        }
    }

    @Test("A password on the command line is warned of, one in the environment is not")
    func passwordOnCommandLine() async throws {
        try await withPrivateRedisServer(.init(password: "TEST-PASSWORD")) { server in
            let warned = try await Tool.run("locks", "ls", "--redis", server.url)
            #expect(warned.status == 0)
            #expect(warned.error.contains("can see the password"))
            #expect(!(warned.error + warned.output).contains("TEST-PASSWORD"))
            let quiet = try await Tool.run("locks", "ls", server: server.url)
            #expect(quiet.status == 0)
            #expect(!quiet.error.contains("can see the password"))
            #expect(!(quiet.error + quiet.output).contains("TEST-PASSWORD"))
        }
    }

    @Test("A permission that is missing has a status of its own, and a message that names it")
    func missingPermission() async throws {
        try await withPrivateRedisServer { server in
            try await redisCLI(
                server, "ACL", "SETUSER", "me", "on", ">pw", "~*", "&*", "+@all", "-time")
            let outcome = try await Tool.run(
                "run", "a", "--", "true", server: server.url(user: "me", password: "pw"))
            #expect(outcome.status == 77)
            #expect(outcome.error.contains("grant +time"))
        }
    }
}

import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

@Suite("Timeouts")
struct TimeoutTests {
    @Test("the late reply of a timed-out command is dropped, and the next command gets its own")
    func lateReply() async throws {
        let server = try FakeRedisServer { command in
            switch command.name {
            case "SLOW": []
            case "GET": [.reply(RESP2.bulk(command.words[1]))]
            default: nil
            }
        }
        try await withLink(server.url) { link in
            try await link.connect()
            for round in 0..<10 {
                let error = await failure { try await link.send(["SLOW"], timeout: .milliseconds(10)) }
                #expect(error?.code == .timeout)
                try await eventually("it arrived") { server.received("SLOW").count == round + 1 }
                await server.perform([.reply(RESP2.bulk("late"))])
                let reply = try await link.send(["GET", .string("value \(round)")])
                #expect(reply.value.string == "value \(round)")
            }
            #expect(server.accepted == 1)
        }
    }

    @Test("a silent connection is replaced though all its callers leave before their deadlines")
    func silenceBehindCancelledCallers() async throws {
        let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
        try await withLink(server.url) {
            $0.commandTimeout = .milliseconds(300)
        } _: { link in
            try await link.connect()
            try await eventually("the connection is replaced") {
                let caller = Task { await failure { try await link.send(["SLOW"]) } }
                try await Task.sleep(for: .milliseconds(2))
                caller.cancel()
                _ = await caller.value
                return server.accepted > 1
            }
        }
    }

    @Test("each command has its own deadline, whatever was sent before or behind it")
    func order() async throws {
        let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
        try await withLink(server.url) { link in
            try await link.connect()
            let outcomes = Outcomes()
            await link.connection.sendSlow([300, 20, 160, 90], to: outcomes)
            try await eventually("all ended") { outcomes.ended.count == 4 }
            #expect(outcomes.ended == [1, 3, 2, 0])
            #expect(outcomes.deliveries == [.unknown, .unknown, .unknown, .unknown])
        }
    }

    @Test("a script that must be sent twice has one timeout, not two")
    func evaluateHasOneDeadline() async throws {
        let server = try FakeRedisServer { command in
            switch command.name {
            case "EVALSHA": [.delay(.milliseconds(200)), .reply(RESP2.error("NOSCRIPT no"))]
            case "EVAL", "SLOW": []
            default: nil
            }
        }
        try await withLink(server.url) { link in
            try await link.connect()
            let script = RedisScript(name: "s", source: "return 1")
            // The second command goes out at 200 ms: one timeout ends at 1200, a second one would end at 1400. The
            // deadlines of both commands are met by one thread, in their order.
            let ended = await withTaskGroup(of: (String, RedisError?).self) { group in
                group.addTask {
                    let timeout = Duration.milliseconds(1200)
                    return (
                        "EVAL",
                        await failure {
                            try await link.evaluate(script, keys: [], arguments: [], timeout: timeout)
                        }
                    )
                }
                group.addTask {
                    // Replies come in order: this one's, which never comes, must not be the first.
                    while server.received("EVALSHA").isEmpty { await Task.yield() }
                    return (
                        "SLOW", await failure { try await link.send(["SLOW"], timeout: .milliseconds(1300)) }
                    )
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(ended.map(\.0) == ["EVAL", "SLOW"])
            #expect(ended.allSatisfy { $0.1?.code == .timeout && $0.1?.delivery == .unknown })
            #expect(server.received("EVAL").count == 1)
        }
    }

    @Test("a connection that brings nothing for a command timeout is given up", arguments: Transport.allCases)
    func halfOpen(transport: Transport) async throws {
        let server = try FakeRedisServer(transport) { command in
            command.connection == 0 && command.name == "HANG" ? [.silence] : nil
        }
        try await withLink(server.url, { $0.commandTimeout = .milliseconds(150) }) { link in
            let error = await failure { try await link.send(["HANG"]) }
            #expect(error?.code == .timeout)
            #expect(error?.delivery == .unknown)
            try await eventually("the dead connection is replaced") {
                (try? await link.send(["PING"]).value) == .status("PONG")
            }
            // On a busy machine the second one may seem dead, too.
            try await eventually("and closed") { server.accepted >= 2 && server.open == 1 }
        }
    }

    @Test("it is given up as well when every command has a shorter timeout of its own")
    func halfOpenShortTimeouts() async throws {
        let server = try FakeRedisServer { command in
            command.connection == 0 && command.name == "HANG" ? [.silence] : nil
        }
        try await withLink(server.url, { $0.commandTimeout = .milliseconds(300) }) { link in
            _ = await failure { try await link.send(["HANG"], timeout: .milliseconds(20)) }
            try await eventually("the dead connection is replaced") {
                (try? await link.send(["PING"], timeout: .milliseconds(20)).value) == .status("PONG")
            }
        }
    }

    @Test("a slow command does not end a connection that brings other replies")
    func slowIsNotDead() async throws {
        let server = try FakeRedisServer { command in
            guard command.name == "SLOW" else { return nil }
            // A byte now and then for 1600 ms: the server lives.
            return [.reply(Array("+".utf8))]
                + (0..<80).flatMap { _ in [.delay(.milliseconds(20)), .reply(Array("x".utf8))] }
                + [.reply(Array("\r\n".utf8))]
        }
        try await withLink(server.url, { $0.commandTimeout = .seconds(1) }) { link in
            try await link.connect()
            let error = await failure { try await link.send(["SLOW"]) }
            #expect(error?.code == .timeout)
            let echo = try await link.send(["ECHO", "a"], timeout: .seconds(60))
            #expect(echo.value.string == "a")
            #expect(server.accepted == 1)
        }
    }

    @Test(
        "a server that accepts and then says nothing fails the attempt in time", arguments: Transport.allCases
    )
    func silentGreeting(transport: Transport) async throws {
        let server = try FakeRedisServer(transport) { _ in [] }
        try await withLink(server.url, { $0.connectTimeout = .milliseconds(50) }) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.delivery == .notDelivered)
            try await eventually("it tries again") { server.accepted >= 3 }
        }
    }
}

extension RedisConnection {
    fileprivate func sendSlow(_ timeouts: [Int], to outcomes: Outcomes) {
        for (index, timeout) in timeouts.enumerated() {
            send(["SLOW"], timeout: .milliseconds(timeout)) { outcomes.record(index, $0) }
        }
    }
}

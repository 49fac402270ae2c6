import HoldfastTesting
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@testable import RedisLink

@Suite("Error replies")
struct ErrorReplyTests {
    @Test(
        "each error reply gets what its rule says: refused at once, repeated, or a new connection",
        arguments: ErrorReplyValueTests.catalogue.indices)
    func rule(index: Int) async throws {
        let (text, kind, rule) = ErrorReplyValueTests.catalogue[index]
        let server = try FakeRedisServer { command in
            command.name == "BAD" ? [.reply(RESP2.error(text))] : nil
        }
        try await withLink(server.url) { link in
            try await link.connect()
            let outcomes = Outcomes()
            let patience: Duration = rule.isRepeated ? .milliseconds(300) : .seconds(20)
            await link.connection.sendAll(
                [["ECHO", "a"], ["BAD"], ["ECHO", "b"]], to: outcomes, timeout: patience)
            try await eventually("all ended") { outcomes.ended.count == 3 }
            #expect(outcomes.values == [0: .bytes(Array("a".utf8)), 2: .bytes(Array("b".utf8))])
            let error = outcomes.all.first
            #expect(error?.delivery == .refused)
            #expect(error?.replyKind == kind)
            #expect(error?.message.contains(text.printable()) == true)
            let tries = server.received("BAD").count
            #expect(rule.isRepeated ? (2...100).contains(tries) : tries == 1, "\(tries) tries")
            try await expectInStep(link)
            #expect((server.accepted > 1) == rule.needsNewConnection, "\(server.accepted) connections")
        }
    }

    @Test("what passes is repeated until it has passed, and its send is that of the try that was executed")
    func passes() async throws {
        let refusals = 4
        let passed = Mutex<ContinuousClock.Instant?>(nil)
        let tries = Mutex(0)
        let server = try FakeRedisServer { command in
            guard command.name == "GET" else { return nil }
            let number = tries.withLock { tries in
                tries += 1
                return tries
            }
            if number == refusals { passed.withLock { $0 = .now } }
            return [.reply(number <= refusals ? RESP2.error("LOADING data") : RESP2.bulk("x"))]
        }
        try await withLink(server.url) { link in
            try await link.connect()
            let asked = ContinuousClock.now
            let reply = try await link.send(["GET", "a"])
            #expect(reply.value.string == "x")
            #expect(reply.sentAt > asked)
            // A lease that counted from the first try would seem to end before Redis ends it; one that
            // counted from a refused try, too.
            let last = try #require(passed.withLock { $0 })
            #expect(reply.sentAt > last)
            #expect(server.received("GET").count == refusals + 1)
            #expect(server.accepted == 1)
        }
    }

    @Test("an error's text steers no terminal, breaks no line and is cut at a length that can be read")
    func neutralised() async throws {
        let texts: [(sent: String, shown: String)] = [
            ("ERR \u{1B}]0;title\u{7}\u{1B}[31mred", "ERR ␛]0;title␇␛[31mred"),
            ("ERR a\r.\nINFO forged", "ERR a␍.␊INFO forged"),
            ("ERR a\u{0}b\u{7F}c\u{85}d\u{202E}e\u{2028}f", "ERR a␀b␡c\u{FFFD}d\u{FFFD}e\u{FFFD}f"),
            (
                "ERR " + String(repeating: "x", count: 10 << 20),
                "ERR " + String(repeating: "x", count: 996) + "… (10485764 bytes)"
            ),
        ]
        let server = try FakeRedisServer { command in
            guard command.name == "BAD", let index = Int(command.words[1]) else { return nil }
            return [.reply(RESP2.error(texts[index].sent))]
        }
        try await withLink(server.url) { link in
            for (index, text) in texts.enumerated() {
                let error = await failure { try await link.send(["BAD", RedisArgument(index)]) }
                #expect(error?.message == text.shown)
                #expect(error?.replyKind == "ERR")
                #expect(error.map { "\($0)" }?.unicodeScalars.contains { $0.value < 0x20 } == false)
                try await expectInStep(link)
            }
            #expect(server.accepted == 1, "however long or odd, it is a reply")
        }
    }

    @Test("a greeting refused in such words, and garbage, are neutralised as well")
    func neutralisedElsewhere() async throws {
        let refusing = try FakeRedisServer { _ in [.reply(RESP2.error("NOAUTH \u{1B}[31m\n"))] }
        try await withLink(refusing.url) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.message.hasSuffix("refused the connection: NOAUTH ␛[31m␊") == true)
        }
        let garbage = try FakeRedisServer(onConnect: { _ in [.reply(Array("\u{1B}[31m\r\n".utf8))] })
        try await withLink(garbage.url) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .protocolViolation)
            #expect(error?.message.unicodeScalars.contains { $0.value < 0x20 } == false)
        }
    }

    @Test("a script passes its refusals too, by its digest and whole", arguments: ["EVALSHA", "EVAL"])
    func scripts(refused: String) async throws {
        let left = Mutex(2)
        let server = try FakeRedisServer { command in
            guard command.name.hasPrefix("EVAL") else { return nil }
            if command.name == refused,
                left.withLock({ left in
                    left -= 1
                    return left >= 0
                })
            {
                return [.reply(RESP2.error("BUSY a script runs"))]
            }
            return [
                .reply(
                    command.name == "EVAL" ? RESP2.integer(7) : RESP2.error("NOSCRIPT No matching script."))
            ]
        }
        let script = RedisScript(name: "seven", source: "return 7")
        try await withLink(server.url) { link in
            #expect(try await link.evaluate(script, keys: ["a"], arguments: []).value == .integer(7))
            left.withLock { $0 = 2 }
            let result: RedisResult = await withUnsafeContinuation { continuation in
                link.thread.submit {
                    link.send(RedisCommand(script, keys: ["a"], arguments: [])) {
                        continuation.resume(returning: $0)
                    }
                }
            }
            let value = try result.get().value
            #expect(value == .integer(7))
        }
        let counts = [server.received("EVALSHA").count, server.received("EVAL").count]
        #expect(counts == (refused == "EVALSHA" ? [6, 2] : [2, 6]))
    }

    @Test("cancelled, or closed, while it waits for its next try, a command is over and is not sent again")
    func interrupted() async throws {
        let server = try FakeRedisServer { command in
            command.name == "GET" ? [.reply(RESP2.error("LOADING data"))] : nil
        }
        try await withLink(server.url) { link in
            let task = Task {
                await outcome { () async throws(RedisError) in try await link.send(["GET", "a"]) }
            }
            try await eventually("the waits are long") { server.received("GET").count >= 8 }
            try await eventually("it waits") { await link.connection.restingCount == 1 }
            task.cancel()
            guard case .failure(let error) = await task.value else {
                Issue.record("it succeeded")
                return
            }
            #expect(error.code == .cancelled)
            #expect(error.delivery == .refused)
            #expect(await link.connection.restingCount == 0)

            let outcomes = Outcomes()
            let other = Task {
                await outcome { () async throws(RedisError) in try await link.send(["GET", "b"]) }
            }
            await link.connection.sendAll([["GET", "c"]], to: outcomes)
            try await eventually("both wait") { await link.connection.restingCount == 2 }
            await link.close()
            guard case .failure(let closed) = await other.value else {
                Issue.record("it succeeded")
                return
            }
            #expect(closed.code == .closed)
            try await eventually("the other one is told, too") { outcomes.all.first?.code == .closed }
            #expect(await link.connection.restingCount == 0)
        }
    }

    @Test("a server that is unfit brings the replies it owes, is left, and is not stormed")
    func unfit() async throws {
        let server = try FakeRedisServer { command in
            switch command.name {
            case "SET": [.reply(RESP2.error("READONLY You can't write against a read only replica."))]
            default: nil
            }
        }
        try await withLink(server.url) { link in
            try await link.connect()
            let outcomes = Outcomes()
            let commands: [RedisCommand] = [
                ["ECHO", "a"], ["SET", "k", "1"], ["SET", "k", "2"], ["ECHO", "b"],
            ]
            await link.connection.sendAll(commands, to: outcomes)
            try await eventually("all ended") { outcomes.ended.count == 4 }
            #expect(outcomes.deliveries == [.refused, .refused], "none is left in doubt")
            #expect(outcomes.values.count == 2)
            try await expectInStep(link)
            #expect(server.accepted == 2)

            await hammer { _ = try? await link.send(["SET", "k", "3"], timeout: .seconds(1)) }
            let connections = server.accepted
            #expect((3...40).contains(connections), "\(connections) connections in a second")
        }
    }

    @Test("a command ends by its deadline though the server falls silent between two tries")
    func silenceAfterRefusals() async throws {
        let server = try FakeRedisServer { command in
            guard command.name == "GET" else { return nil }
            return command.index > 60 ? [] : [.reply(RESP2.error("LOADING data"))]
        }
        try await withLink(server.url) { link in
            let outcomes = Outcomes()
            // The deadline of the first is looked at while all others wait for their next try.
            _ = try await link.send(["PING"], timeout: .milliseconds(150))
            await link.connection.sendAll(
                (0..<8).map { ["GET", RedisArgument($0)] }, to: outcomes, timeout: .seconds(2))
            try await eventually("all ended") { outcomes.ended.count == 8 }
        }
    }

    @Test("behind a name, a command that a demoted master refuses finds the new one")
    func failover() async throws {
        let isDemoted = Mutex(true)
        let server = try FakeRedisServer { command in
            guard command.name == "SET" else { return nil }
            // The name leads elsewhere from the second connection on.
            if command.connection > 0 { isDemoted.withLock { $0 = false } }
            return isDemoted.withLock { $0 }
                ? [.reply(RESP2.error("MASTERDOWN Link with MASTER is down"))] : [.reply(RESP2.ok)]
        }
        try await withLink(server.url) { link in
            let reply = try await link.send(["SET", "a", "1"])
            #expect(reply.value == .status("OK"))
            #expect(server.accepted == 2)
        }
    }

    @Test("an error inside an array is a value: the command as a whole was executed")
    func inArray() async throws {
        let server = try FakeRedisServer { command in
            command.name == "EXEC" ? [.reply(RESP2.array([RESP2.ok, RESP2.error("WRONGTYPE no")]))] : nil
        }
        try await withLink(server.url) { link in
            let reply = try await link.send(["EXEC"])
            #expect(reply.value == .array([.status("OK"), .error("WRONGTYPE no")]))
        }
    }

    @Test("a real server's refusals come out typed, and refused means not executed")
    func realServer() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                _ = try await link.send(["SET", "text", "x"])
                let wrongType = await failure { try await link.send(["LPUSH", "text", "y"]) }
                #expect(wrongType?.replyKind == "WRONGTYPE")
                let notInteger = await failure { try await link.send(["INCR", "text"]) }
                #expect(notInteger?.replyKind == "ERR")
                _ = try await link.send(["CONFIG", "SET", "maxmemory", "1"])
                let memory = await failure { try await link.send(["SET", "text", "z"]) }
                #expect(memory?.replyKind == "OOM")
                _ = try await link.send(["CONFIG", "SET", "maxmemory", "0"])
                _ = try await link.send(["CONFIG", "SET", "min-replicas-to-write", "1"])
                let replicas = await failure { try await link.send(["SET", "text", "z"]) }
                #expect(replicas?.replyKind == "NOREPLICAS")
                _ = try await link.send(["CONFIG", "SET", "min-replicas-to-write", "0"])
                _ = try await link.send(["REPLICAOF", "127.0.0.1", "1"])
                let readOnly = await failure { try await link.send(["SET", "text", "z"]) }
                #expect(readOnly?.replyKind == "READONLY")
                _ = try await link.send(["CONFIG", "SET", "replica-serve-stale-data", "no"])
                var masterDown: RedisError?
                // The last try may be on its way when the time is over: then what became of it is not known.
                try await eventually("the time is over between two tries") {
                    masterDown = await failure {
                        try await link.send(["GET", "text"], timeout: .milliseconds(200))
                    }
                    return masterDown?.delivery != .unknown
                }
                #expect(masterDown?.replyKind == "MASTERDOWN")
                _ = try await link.send(["REPLICAOF", "NO", "ONE"])
                for error in [wrongType, notInteger, memory, replicas, readOnly, masterDown] {
                    #expect(error?.delivery == .refused)
                }
                #expect(try await link.send(["GET", "text"]).value.string == "x")
            }
        }
    }

    @Test("a real server that is busy with a script is waited for")
    func busy() async throws {
        var options = PrivateRedisServer.Options()
        options.configuration = ["lua-time-limit 1"]
        try await withPrivateRedisServer(options) { (server: PrivateRedisServer) async throws in
            try await withLink(server.url) { (blocker: RedisLink) async throws in
                try await withLink(server.url) { (link: RedisLink) async throws in
                    try await link.connect()
                    let loop = Task {
                        await outcome { () async throws(RedisError) in
                            try await blocker.send(["EVAL", "while true do end", "0"])
                        }
                    }
                    try await eventually("the server is busy") {
                        let reply = await outcome { () async throws(RedisError) in
                            try await link.send(["GET", "a"], timeout: .milliseconds(100))
                        }
                        guard case .failure(let error) = reply else { return false }
                        return error.replyKind == "BUSY" && error.delivery == .refused
                    }
                    let waiting = Task {
                        await outcome { () async throws(RedisError) in try await link.send(["SET", "a", "1"])
                        }
                    }
                    try await eventually("the command waits for its next try") {
                        await link.connection.restingCount == 1
                    }
                    _ = try await link.send(["SCRIPT", "KILL"])
                    let reply = try await waiting.value.get()
                    #expect(reply.value == .status("OK"))
                    guard case .failure(let killed) = await loop.value else {
                        Issue.record("a script without an end ended")
                        return
                    }
                    #expect(killed.delivery == .refused)
                    let idle = await failure { try await link.send(["SCRIPT", "KILL"]) }
                    #expect(idle?.replyKind == "NOTBUSY")
                }
            }
        }
    }
}

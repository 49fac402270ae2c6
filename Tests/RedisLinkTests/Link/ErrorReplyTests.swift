import HoldfastTesting
import RedisLink
import Testing

@Suite("Error replies")
struct ErrorReplyTests {
    /// What Redis 7 says, word for word.
    static let catalogue: [(text: String, kind: String)] = [
        ("LOADING Redis is loading the dataset in memory", "LOADING"),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY"),
        ("READONLY You can't write against a read only replica.", "READONLY"),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "MASTERDOWN"),
        ("OOM command not allowed when used memory > 'maxmemory'.", "OOM"),
        (
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist",
            "MISCONF"
        ),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS"),
        ("CLUSTERDOWN The cluster is down", "CLUSTERDOWN"),
        ("TRYAGAIN Multiple keys request during rehashing of slot", "TRYAGAIN"),
        ("MOVED 3999 127.0.0.1:6381", "MOVED"),
        ("ASK 3999 127.0.0.1:6381", "ASK"),
        ("CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT"),
        ("NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT"),
        ("NOTBUSY No scripts in execution right now.", "NOTBUSY"),
        ("UNKILLABLE Sorry the script already executed write commands", "UNKILLABLE"),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"),
        ("NOPERM this user has no permissions to run the 'set' command", "NOPERM"),
        ("NOAUTH Authentication required.", "NOAUTH"),
        ("EXECABORT Transaction discarded because of previous errors.", "EXECABORT"),
        ("NOGROUP No such key 'q' or consumer group 'g'", "NOGROUP"),
        ("BUSYGROUP Consumer Group name already exists", "BUSYGROUP"),
        ("ERR max number of clients reached", "ERR"),
        ("ERR value is not an integer or out of range", "ERR"),
        ("ERR", "ERR"),
        ("", ""),
        ("Ünïcode 🔒", "Ünïcode"),
    ]

    @Test(
        "an error reply is a typed error for its own command, and the connection goes on",
        arguments: catalogue.indices)
    func typed(index: Int) async throws {
        let (text, kind) = Self.catalogue[index]
        let server = try FakeRedisServer { command in
            command.name == "BAD" ? [.reply(RESP2.error(text))] : nil
        }
        try await withLink(server.url) { link in
            try await link.connect()
            let outcomes = Outcomes()
            await link.connection.sendAll([["ECHO", "a"], ["BAD"], ["ECHO", "b"]], to: outcomes)
            try await eventually("all ended") { outcomes.ended.count == 3 }
            #expect(outcomes.values == [0: .bytes(Array("a".utf8)), 2: .bytes(Array("b".utf8))])
            let error = outcomes.all.first
            #expect(error?.code == .refused)
            #expect(error?.delivery == .refused)
            #expect(error?.replyKind == kind)
            #expect(error?.message == text)
            #expect(server.received("BAD").count == 1, "the link repeats nothing by itself")
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
                let masterDown = await failure { try await link.send(["GET", "text"]) }
                #expect(masterDown?.replyKind == "MASTERDOWN")
                _ = try await link.send(["REPLICAOF", "NO", "ONE"])
                for error in [wrongType, notInteger, memory, replicas, readOnly, masterDown] {
                    #expect(error?.delivery == .refused)
                }
                #expect(try await link.send(["GET", "text"]).value.string == "x")
            }
        }
    }
}

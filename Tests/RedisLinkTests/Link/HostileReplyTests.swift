import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

@Suite("Replies that are none")
struct HostileReplyTests {
    static let hostile: [(what: String, bytes: [UInt8])] = [
        ("HTTP", Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8)),
        ("a TLS alert", [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]),
        ("zeros", Array(repeating: 0, count: 1000)),
        ("a bad integer", Array(":1x\r\n".utf8)),
        ("a bad length", Array("$-5\r\n".utf8)),
        ("a bad count", Array("*-9\r\n".utf8)),
        ("an integer beyond all numbers", Array(":99999999999999999999\r\n".utf8)),
        ("a length beyond all numbers", Array("$99999999999999999999\r\n".utf8)),
        ("a NUL in a number", Array(":1\u{0}2\r\n".utf8)),
        ("a NUL in a length", Array("$1\u{0}\r\na\r\n".utf8)),
        ("a map of RESP3", Array("%1\r\n+a\r\n:1\r\n".utf8)),
        ("a null of RESP3", Array("_\r\n".utf8)),
        ("a double of RESP3", Array(",1.5\r\n".utf8)),
        ("a boolean of RESP3", Array("#t\r\n".utf8)),
        ("a push of RESP3", Array(">2\r\n+message\r\n+a\r\n".utf8)),
        ("a set of RESP3", Array("~1\r\n:1\r\n".utf8)),
        ("a large number of RESP3", Array("(12345678901234567890\r\n".utf8)),
        ("a verbatim string of RESP3", Array("=5\r\ntxt:a\r\n".utf8)),
        ("an attribute of RESP3", Array("|1\r\n+a\r\n:1\r\n:2\r\n".utf8)),
        ("an error of RESP3", Array("!5\r\nERR a\r\n".utf8)),
        ("half a GiB announced", Array("$536870912\r\n".utf8) + Array(repeating: 0x61, count: 300_000)),
        ("an error of ten million bytes", Array("-ERR ".utf8) + Array(repeating: 0x61, count: 10_000_000)),
        ("an element of no type", Array("*2\r\n:1\r\n?2\r\n".utf8)),
        ("a count for all memory", Array("*2147483647\r\n:1\r\n".utf8)),
        ("a count beyond all numbers", Array("*9223372036854775807\r\n".utf8)),
        ("eight arrays in each other", Array(String(repeating: "*1\r\n", count: 8).utf8)),
        ("a thousand arrays in each other", Array(String(repeating: "*1\r\n", count: 1000).utf8)),
        ("a large string", RESP2.bulk(Array(repeating: 0x61, count: 300_000))),
        ("a line without end", Array("+".utf8) + Array(repeating: 0x61, count: 300_000)),
        ("a large array", RESP2.array(Array(repeating: RESP2.integer(1), count: 60_000))),
    ]

    @Test(
        "what is no reply, or too large a one, closes the connection with a typed error; the next is in step",
        arguments: hostile.indices)
    func closes(index: Int) async throws {
        let (what, bytes) = Self.hostile[index]
        let server = try FakeRedisServer { command in
            command.name == "BAD" ? [.reply(bytes)] : nil
        }
        try await withLink(server.url, { $0.maximumReplyBytes = 100_000 }) { link in
            try await link.connect()
            let outcomes = Outcomes()
            await link.connection.sendAll([["ECHO", "a"], ["BAD"], ["ECHO", "b"]], to: outcomes)
            try await eventually("all ended") { outcomes.ended.count == 3 }
            #expect(outcomes.values == [0: .bytes(Array("a".utf8))], "\(what)")
            #expect(outcomes.all.map(\.code) == [.protocolViolation, .protocolViolation], "\(what)")
            #expect(outcomes.deliveries == [.unknown, .unknown], "\(what)")
            try await expectInStep(link)
            try await eventually("the first connection is closed") {
                server.open == 1 && server.accepted == 2
            }
        }
    }

    @Test(
        "a reply cut at any byte is no value: its command is unknown, and nothing of it reaches the next one"
    )
    func truncated() async throws {
        let reply = RESP2.array([RESP2.bulk("one"), RESP2.bulk("two\r\nthree"), RESP2.integer(12)])
        let server = try FakeRedisServer { command in
            guard command.name == "CUT", let length = Int(command.words[1]) else { return nil }
            return [.reply(Array(reply[..<length])), .close]
        }
        try await withLink(server.url) { link in
            for length in reply.indices {
                let error = await failure { try await link.send(["CUT", RedisArgument(length)]) }
                #expect(error?.code == .connectionLost)
                #expect(error?.delivery == .unknown)
                try await expectInStep(link)
            }
        }
    }

    @Test("a reply that nobody asked for closes the connection", arguments: [false, true])
    func unsolicited(withOwnReply: Bool) async throws {
        let server = try FakeRedisServer { command in
            switch command.name {
            // Behind the reply of its own command, or later by itself.
            case "EXTRA": [.reply(RESP2.ok + (withOwnReply ? RESP2.bulk("extra") : []))]
            default: nil
            }
        }
        try await withLink(server.url) { link in
            let reply = try await link.send(["EXTRA"])
            #expect(reply.value == .status("OK"))
            if !withOwnReply { await server.perform([.reply(RESP2.bulk("extra"))], on: 0) }
            try await eventually("the connection is closed") { server.accepted == 2 && server.open == 1 }
            try await expectInStep(link)
        }
    }

    @Test("garbage in place of the greeting's reply fails the attempt")
    func greeting() async throws {
        let server = try FakeRedisServer(onConnect: { number in
            number == 0 ? [.reply(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8))] : []
        })
        try await withLink(server.url) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .protocolViolation)
            try await expectInStep(link)
        }
    }

    @Test("more replies to the greeting than were asked for close the connection")
    func talkativeGreeting() async throws {
        let server = try FakeRedisServer { command in
            command.connection == 0 ? [.reply(command.plainReply + RESP2.ok)] : nil
        }
        try await withLink(server.url) { link in
            try? await link.connect()
            try await expectInStep(link)
            #expect(server.accepted == 2)
        }
    }

    @Test("a reply that comes before a command has left is not taken for the command's")
    func early() async throws {
        let server = try FakeRedisServer { command in
            command.connection == 0 ? [.reply(command.plainReply + RESP2.ok)] : nil
        }
        try await withLink(server.url) { link in
            // It waits for the connection, and is laid out when the greeting's own reply is read. By then the reply that
            // is too many has come. Nothing of it has left, so it goes out on the next connection.
            let reply = try await link.send(["ECHO", "a"])
            #expect(reply.value.string == "a")
            #expect(server.received("ECHO").map(\.connection) == [1])
            try await expectInStep(link)
        }
    }
}

import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

@Suite("The fake server")
struct FakeRedisServerTests {
    @Test("it records what it received, by connection and place", arguments: Transport.allCases)
    func records(transport: Transport) async throws {
        let server = try FakeRedisServer(transport)
        try await withLink(server.url) { first in
            _ = try await first.send(["ECHO", .bytes([0, 13, 10, 255])])
            try await withLink(server.url) { second in
                _ = try await second.send(["echo", ""])
            }
        }
        let commands = server.received("ECHO")
        #expect(
            commands.map(\.arguments) == [
                [Array("ECHO".utf8), [0, 13, 10, 255]], [Array("echo".utf8), []],
            ])
        #expect(commands.map(\.connection) == [0, 1])
        #expect(commands.map(\.index) == [1, 1], "the greeting came first")
        #expect(server.accepted == 2)
        try await eventually("both are gone") { server.open == 0 }
    }

    @Test("actions happen in order")
    func order() async throws {
        let server = try FakeRedisServer { command in
            command.name == "SLOW" ? [.delay(.milliseconds(20)), .reply(RESP2.ok)] : nil
        }
        try await withLink(server.url) { link in
            try await link.connect()
            let outcomes = Outcomes()
            await link.connection.sendAll([["SLOW"], ["ECHO", "behind"]], to: outcomes)
            try await eventually("both are answered") { outcomes.values.count == 2 }
            #expect(outcomes.ended == [0, 1])
        }
    }

    @Test("a delay holds back one connection only")
    func delay() async throws {
        let server = try FakeRedisServer { command in
            command.name == "SLOW" ? [.delay(.seconds(3600)), .reply(RESP2.ok)] : nil
        }
        try await withLink(server.url) { slow in
            try await withLink(server.url) { quick in
                try await slow.connect()
                let outcomes = Outcomes()
                await slow.connection.sendAll([["SLOW"]], to: outcomes)
                try await eventually("it arrived") { server.received("SLOW").count == 1 }
                try await expectInStep(quick)
                #expect(outcomes.ended.isEmpty)
            }
        }
    }

    @Test("after its end it refuses connections")
    func stop() async throws {
        let server = try FakeRedisServer(.tcp)
        server.stop()
        server.stop()
        try await withLink(server.url) { link in
            #expect(await failure { try await link.connect() }?.code == .connectFailed)
        }
    }

    @Test("the end of a value is found, whatever comes behind, and nowhere before")
    func fronts() {
        let values = [
            RESP2.ok, RESP2.null, RESP2.integer(-1), RESP2.error("E"), RESP2.bulk(""),
            RESP2.bulk([13, 10, 0]),
            RESP2.array([]), RESP2.array([RESP2.array([RESP2.bulk("a")]), RESP2.null]), Array("*-1\r\n".utf8),
            RESP2.command(["SET", "key", "*2\r\n"]),
        ]
        for value in values {
            #expect(RESP2.front(of: value[...]) == .whole(value.count))
            #expect(RESP2.front(of: (value + RESP2.ok)[...]) == .whole(value.count))
            #expect(
                RESP2.front(of: ([1, 2] + value)[2...]) == .whole(value.count),
                "a slice counts from its start")
            for length in value.indices {
                #expect(RESP2.front(of: value[..<length]) == .partial)
            }
        }
        for text in ["garbage\r\n", "$x\r\n", "*-2\r\n", "\r\n"] {
            #expect(RESP2.front(of: Array(text.utf8)[...]) == .garbage)
        }
    }
}

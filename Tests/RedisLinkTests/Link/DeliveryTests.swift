import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

/// Each error says whether the server may have executed the command; see ``RedisError/Delivery``.
@Suite("Delivery status")
struct DeliveryTests {
    @Test("an error reply is refused, and the connection stays")
    func refused() async throws {
        let server = try FakeRedisServer { command in
            command.name == "BAD" ? [.reply(RESP2.error("WRONGTYPE no"))] : nil
        }
        try await withLink(server.url) { link in
            let error = await failure { try await link.send(["BAD"]) }
            #expect(error?.code == .refused)
            #expect(error?.delivery == .refused)
            #expect(error?.replyKind == "WRONGTYPE")
            try await expectInStep(link)
            #expect(server.accepted == 1)
        }
    }

    @Test("a command that found no connection is not delivered", arguments: Transport.allCases)
    func noConnection(transport: Transport) async throws {
        let server = try FakeRedisServer(transport)
        server.stop()
        try await withLink(server.url) { link in
            let connect = await failure { try await link.connect() }
            #expect(connect?.code == .connectFailed)
            #expect(connect?.delivery == .notDelivered)
            let send = await failure { try await link.send(["PING"], timeout: .milliseconds(50)) }
            #expect(send?.code == .timeout)
            #expect(send?.delivery == .notDelivered)
            #expect(send?.message.contains("cannot connect") == true, "it says why there was no connection")
        }
    }

    @Test("a command whose connection ends without a reply is unknown", arguments: [true, false])
    func lost(byReset: Bool) async throws {
        let server = try FakeRedisServer(.tcp) { command in
            command.name == "LOSE" ? [byReset ? .reset : .close] : nil
        }
        try await withLink(server.url) { link in
            let error = await failure { try await link.send(["LOSE"]) }
            #expect(error?.code == .connectionLost)
            #expect(error?.delivery == .unknown)
            try await expectInStep(link)
            #expect(server.received("LOSE").count == 1, "it is not repeated")
        }
    }

    @Test("a reply that came before the connection ended is not lost to a write that fails first")
    func lastWords() async throws {
        let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
        try await withLink(server.url) { link in
            try await link.connect()
            let outcomes = Outcomes()
            let connection = link.connection
            await connection.sendAll([["SLOW"]], to: outcomes)
            try await eventually("it arrived") { server.received("SLOW").count == 1 }
            let held = await HeldThread(connection.thread)
            await server.perform([.reply(RESP2.bulk("late")), .close])
            connection.thread.submit {
                connection.assumeIsolated { $0.send(["PING"]) { outcomes.record(1, $0) } }
            }
            held.letGo()
            try await eventually("both ended") { outcomes.ended.count == 2 }
            #expect(outcomes.values == [0: .bytes(Array("late".utf8)), 1: .status("PONG")])
            #expect(server.accepted == 2, "what had not left at all was sent on the next connection")
        }
    }

    @Test("a half-closed connection is over: what waits is unknown, the next command gets a new one")
    func halfClosed() async throws {
        let server = try FakeRedisServer { command in command.name == "END" ? [.halfClose] : nil }
        try await withLink(server.url) { link in
            let error = await failure { try await link.send(["END"]) }
            #expect(error?.code == .connectionLost)
            #expect(error?.delivery == .unknown)
            try await expectInStep(link)
            #expect(server.accepted == 2)
        }
    }

    @Test("a command whose reply does not come in time is unknown")
    func timeout() async throws {
        let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
        try await withLink(server.url) { link in
            let error = await failure { try await link.send(["SLOW"], timeout: .milliseconds(30)) }
            #expect(error?.code == .timeout)
            #expect(error?.delivery == .unknown)
        }
    }

    @Test(
        "a command of which the socket took only a part was not delivered; those behind it wait for the next one"
    )
    func half() async throws {
        let server = try FakeRedisServer { command in
            command.name == "DEAF" ? [.stopReading] : nil
        }
        try await withLink(server.url) { link in
            try await link.connect()
            let outcomes = Outcomes()
            // Larger than all buffers between the two: its end cannot have left.
            let large = RedisArgument(Array(repeating: 0, count: 8 << 20))
            let connection = link.connection
            await connection.sendAll([["DEAF"], ["ECHO", large], ["PING"]], to: outcomes)
            try await eventually("the server stopped reading") { server.received("DEAF").count == 1 }
            await server.perform([.close], on: 0)
            try await eventually("all three ended") { outcomes.ended.count == 3 }
            #expect(outcomes.deliveries == [.unknown, .notDelivered])
            #expect(outcomes.all.allSatisfy { $0.code == .connectionLost })
            #expect(outcomes.values == [2: .status("PONG")])
            try await expectInStep(link)
        }
    }

    @Test("closing the link fails what is in flight as unknown and what has not left as not delivered")
    func closed() async throws {
        let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
        try await withLink(server.url) { link in
            let slow = Task { await failure { try await link.send(["SLOW"]) } }
            try await eventually("it arrived") { server.received("SLOW").count == 1 }
            await link.close()
            #expect(await slow.value?.code == .closed)
            #expect(await slow.value?.delivery == .unknown)
            for error in [
                await failure { try await link.send(["PING"]) }, await failure { try await link.connect() },
            ] {
                #expect(error?.code == .closed)
                #expect(error?.delivery == .notDelivered)
            }
        }
    }

    @Test("closing the link fails what waits for a connection")
    func closedWhileConnecting() async throws {
        let server = try FakeRedisServer { _ in [] }
        try await withLink(server.url) { link in
            let connect = Task { await failure { try await link.connect() } }
            let send = Task { await failure { try await link.send(["SET", "a", "b"]) } }
            try await eventually("it is greeted") { server.received.count == 1 }
            // Both are registered for certain once a later job of the connection has run.
            await link.connection.turn()
            await link.close()
            for error in [await connect.value, await send.value] {
                #expect(error?.code == .closed)
                #expect(error?.delivery == .notDelivered)
            }
            try await eventually("the connection is closed") { server.open == 0 }
        }
    }
}

import HoldfastTesting
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@testable import RedisLink

@Suite("The two connections of a server that cannot serve us")
struct NodeTests {
    /// A link whose commands go to connection 0, and whose subscription begins on connection 1.
    private func withListeningLink(
        _ server: FakeRedisServer, _ body: (RedisLink, Heard) async throws -> Void
    ) async throws {
        try await withLink(server.url) { link in
            try await link.connect()
            let heard = Heard()
            let subscription = try link.subscribe("a", onMessage: heard.add)
            try await eventually("it begins") { heard.beginnings == 1 }
            try await body(link, heard)
            subscription.cancel()
        }
    }

    @Test("both leave it when commands found out")
    func commands() async throws {
        let server = try FakeRedisServer { command in
            command.name == "SET" ? [.reply(RESP2.error("READONLY a replica"))] : nil
        }
        try await withListeningLink(server) { link, heard in
            let error = await failure { try await link.send(["SET", "a", "1"]) }
            #expect(error?.replyKind == "READONLY")
            try await eventually("it listens again") { heard.beginnings == 2 }
            try await eventually("commands are served again") { (try? await link.send(["PING"])) != nil }
            #expect(server.accepted == 4)
        }
    }

    @Test("the one for commands stays when only the listener is not served")
    func messages() async throws {
        let isRefused = Mutex(true)
        let server = try FakeRedisServer { command in
            guard command.name == "SUBSCRIBE" else { return nil }
            let refuses = isRefused.withLock { isRefused in
                defer { isRefused = false }
                return isRefused
            }
            return refuses ? [.reply(RESP2.error("NOAUTH Authentication required."))] : nil
        }
        try await withListeningLink(server) { link, _ in
            #expect(server.received("SUBSCRIBE").map(\.connection) == [1, 2])
            try await expectInStep(link)
            #expect(server.received("ECHO").allSatisfy { $0.connection == 0 })
            #expect(server.accepted == 3)
        }
    }
}

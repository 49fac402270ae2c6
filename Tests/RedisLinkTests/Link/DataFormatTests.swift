import HoldfastTesting
import RedisLink
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@Suite("The format of the data")
struct DataFormatTests {
    private let format = DataFormat(key: "t:format", current: "2", known: ["1", "2"])

    private func withFormat<R: Sendable>(
        _ url: String, isolation: isolated (any Actor)? = #isolation, _ body: (RedisLink) async throws -> R
    ) async throws -> R {
        try await withLink(url, { $0.format = format }, body)
    }

    @Test("is set by the first client, and left as it is by the next")
    func setting() async throws {
        try await withPrivateRedisServer { server in
            for expected in ["2", "2"] {
                try await withFormat(server.url) { link in
                    let reply = try await link.send(["GET", "t:format"])
                    #expect(reply.value.string == expected)
                }
            }
            try await withLink(server.url) { _ = try await $0.send(["SET", "t:format", "1"]) }
            try await withFormat(server.url) { link in
                let reply = try await link.send(["GET", "t:format"])
                #expect(reply.value.string == "1")
            }
        }
    }

    @Test(
        "that is not known fails each command before it is sent, by name",
        arguments: [
            ["SET", "t:format", "3"], ["SET", "t:format", "1 "], ["SET", "t:format", ""],
            ["RPUSH", "t:format", "1"],
        ])
    func unknown(_ command: [String]) async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { admin in
                _ = try await admin.send(RedisCommand(command.map(RedisArgument.string)))
                try await withFormat(server.url) { link in
                    let error = await failure { try await link.send(["SET", "t:a", "x"]) }
                    #expect(error?.code == .unknownFormat)
                    #expect(error?.delivery == .notDelivered)
                    #expect(error?.message.contains("t:format") == true)
                    let exists = try await admin.send(["EXISTS", "t:a"])
                    #expect(exists.value.integer == 0)
                    // Whoever mends the key need not start the client again.
                    _ = try await admin.send(["DEL", "t:format"])
                    try await eventually("it goes on") { (try? await link.send(["SET", "t:a", "x"])) != nil }
                }
            }
        }
    }

    @Test("that could not be set because the memory is full keeps nobody away")
    func fullMemory() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { _ = try await $0.send(["CONFIG", "SET", "maxmemory", "1"]) }
            try await withFormat(server.url) { link in
                let reply = try await link.send(["GET", "t:format"])
                #expect(reply.value == .null)
            }
        }
    }

    @Test("is asked for again by a server that could not answer yet, and nothing is sent before")
    func loading() async throws {
        let refusals = Atomic<Int>(0)
        let server = try FakeRedisServer { command in
            guard command.name == "GET" else { return nil }
            let isLoading = refusals.add(1, ordering: .relaxed).newValue <= 2
            return [.reply(isLoading ? RESP2.error("LOADING dataset in memory") : RESP2.bulk("1"))]
        }
        try await withFormat(server.url) { link in _ = try await link.send(["PING"]) }
        #expect(server.received("GET").count == 3)
        #expect(server.received.last?.words == ["PING"])
    }

    @Test("is no matter of the connection for messages")
    func listening() async throws {
        let server = try FakeRedisServer { command in
            command.name == "GET" ? [.reply(RESP2.bulk("3"))] : nil
        }
        try await withFormat(server.url) { link in
            let subscription = try link.subscribe("channel") { _ in }
            try await eventually("it listens") { server.received("SUBSCRIBE").count == 1 }
            #expect(server.received("GET").isEmpty)
            subscription.cancel()
        }
    }
}

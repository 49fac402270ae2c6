import HoldfastTesting
import Logging
import RedisLink
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Holdfast

@Suite("A server that evicts keys")
struct EvictionTests {
    private static func withServer(
        policy: String, acceptsEviction: Bool = false,
        _ body: @Sendable (Holdfast, Record<String>) async throws -> Void
    ) async throws {
        let options = PrivateRedisServer.Options(configuration: ["maxmemory-policy \(policy)"])
        try await withPrivateRedisServer(options) { server in
            var configuration = Holdfast.Configuration()
            configuration.acceptsEviction = acceptsEviction
            let lines = Record<String>()
            let logger = Logger.recording(lines)
            let holdfast = try Holdfast(
                redis: server.url, namespace: "t", configuration: configuration, logger: logger)
            do {
                try await body(holdfast, lines)
            } catch {
                await holdfast.close()
                throw error
            }
            await holdfast.close()
        }
    }

    @Test("is refused before anything runs", arguments: ["allkeys-lru", "volatile-lru", "volatile-ttl"])
    func refused(policy: String) async throws {
        try await Self.withServer(policy: policy) { holdfast, _ in
            let handled = Record<Int>()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders) { order, _ in
                handled.add(order.number)
                return .commit
            }
            try await orders.send(Order(number: 1, cents: 1), id: "a")
            let error = await #expect(throws: HoldfastError.self) { try await holdfast.run() }
            #expect(error?.code == .unsuitableServer)
            #expect(error?.message.contains(policy) == true)
            #expect(handled.count == 0)
        }
    }

    @Test("is used when the configuration accepts it, and that is said loudly")
    func accepted() async throws {
        try await Self.withServer(policy: "allkeys-lru", acceptsEviction: true) { holdfast, lines in
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders) { _, _ in .commit }
            try await orders.send(Order(number: 1, cents: 1), id: "a")
            try await holdfast.whileRunning {
                let isDrained = try await orders.isDrained()
                #expect(isDrained)
            }
            #expect(lines.all.contains { $0.hasPrefix("critical: ") && $0.contains("allkeys-lru") })
        }
    }

    @Test("is warned of where the user may not ask, and work begins")
    func unknown() async throws {
        try await Self.withServer(policy: "noeviction") { holdfast, lines in
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders) { _, _ in .commit }
            try await orders.send(Order(number: 1, cents: 1), id: "a")
            try await holdfast.redis("ACL", "SETUSER", "default", "-info")
            try await holdfast.whileRunning {
                let isDrained = try await orders.isDrained()
                #expect(isDrained)
            }
            #expect(lines.all.contains { $0.hasPrefix("warning: ") && $0.contains("noeviction") })
        }
    }

    @Test("is asked for when it is back, and not waited for at a shutdown")
    func down() async throws {
        try await withPrivateRedisServer { server in
            let holdfast = try client(of: server)
            await server.kill()
            try await holdfast.whileRunning {}
            let other = try client(of: server)
            let orders = other.queue("orders", of: Order.self)
            other.handle(orders) { _, _ in .commit }
            try await other.whileRunning {
                try await server.restart()
                try await orders.send(Order(number: 1, cents: 1), id: "a")
                let isDrained = try await orders.isDrained()
                #expect(isDrained)
            }
        }
    }

    @Test("says its policy among other things")
    func reading() {
        #expect(
            EvictionCheck.policy(in: "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n")
                == "noeviction")
        #expect(EvictionCheck.policy(in: "maxmemory_policy:\u{1B}[2J") == "\u{241B}[2J")
        #expect(EvictionCheck.policy(in: "") == nil)
    }
}

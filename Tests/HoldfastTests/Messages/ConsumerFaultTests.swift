import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

@Suite("A queue's handler, when things fail")
struct ConsumerFaultTests {
    @Test("has each effect once although its connections are cut again and again")
    func cutConnections() async throws {
        try await withHoldfast { holdfast, server in
            let orders = holdfast.queue("orders", of: Order.self)
            try await orders.send(
                contentsOf: (1...3000).map { (id: "\($0)", message: Order(number: $0, cents: 1)) })
            holdfast.handle(orders, options: .quick(lease: .milliseconds(500))) { order, _ in
                .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            let other = try client(of: server)
            try await holdfast.whileRunning {
                let store = try other.store(ofQueue: "orders")
                for cut in 1...20 {
                    _ = try await eventually { try await store.status().ready < 3000 - 140 * cut }
                    try await other.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                }
                #expect(try await eventually { try await store.status().isDrained })
            }
            let counts = try await other.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
            #expect(counts.count == 3000 && counts.allSatisfy { $0.integer == 1 })
            #expect(try await other.store(ofQueue: "orders").status().dead == 0)
            await other.close()
        }
    }

    @Test("has each effect once although requests and replies are lost", arguments: [1, 2, 3] as [UInt64])
    func lostReplies(seed: UInt64) async throws {
        try await withHoldfast { observer, server in
            let proxy = try FaultProxy(
                to: server.unixURL, seed: seed,
                rules: [
                    FaultRule(.reply, of: "EVALSHA", .chance(0.05), [.drop, .reset]),
                    FaultRule(.request, of: "EVALSHA", .chance(0.02), [.drop, .reset]),
                ])
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let orders = observer.queue("orders", of: Order.self)
            try await orders.send(
                contentsOf: (1...500).map { (id: "\($0)", message: Order(number: $0, cents: 1)) })
            holdfast.handle(
                holdfast.queue("orders", of: Order.self), options: .quick(lease: .milliseconds(500))
            ) {
                order, _ in
                .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            try await holdfast.whileRunning {
                let isDrained = try await eventually(within: .seconds(60)) {
                    try await orders.status().isDrained
                }
                #expect(isDrained)
            }
            #expect(!proxy.log.isEmpty, "the faults were felt")
            let counts = try await observer.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
            #expect(counts.count == 500 && counts.allSatisfy { $0.integer == 1 })
            #expect(try await orders.status().dead == 0)
        }
    }

    @Test("is cancelled when its claim is lost, and its commit is refused")
    func lost() async throws {
        try await withHoldfast { holdfast, server in
            let other = try client(of: server)
            let outcomes = Record<String>()
            let never = Gate()
            let orders = holdfast.queue("orders", of: Order.self)
            // One at a time: it claims nothing while its handler runs, also not what the heir shall get.
            holdfast.handle(orders, options: .quick(lease: .milliseconds(600), concurrency: 1)) {
                order, delivery in
                if order.number == 1 {
                    outcomes.add("began")
                    do { try await never.pass() } catch { outcomes.add("cancelled") }
                    if let code = await code({ try delivery.check() }) { outcomes.add("\(code)") }
                }
                return .commit { $0.increment("\(order.number)") }
            }
            let bench = try QueueBench(other, "orders")
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 1), id: "a")
                #expect(await eventually { outcomes.count == 1 })
                // As if the lease had ended: the next claim takes it over, unless a renewal comes in between.
                let due = RedisArgument.string(bench.keys.expiry)
                let entry = try #require(try await other.redis("ZRANGE", due, "0", "0").array?.first?.string)
                var heirs: [MessageClaim] = []
                _ = try await eventually {
                    try await other.redis("ZADD", due, "1", .string(entry))
                    heirs = try await bench.claim().claims
                    return !heirs.isEmpty
                }
                let heir = try #require(heirs.first)
                #expect(heir.attempt == 2)
                #expect(await eventually { outcomes.count == 3 })
                // What is sent now is settled after the late commit.
                try await orders.send(Order(number: 2, cents: 1), id: "b")
                #expect(
                    try await eventually { try await other.redis("EXISTS", bench.effect("2")) == .integer(1) }
                )
                #expect(try await other.redis("EXISTS", bench.effect("1")) == .integer(0))
                #expect(try await bench.settle([(heir, .commit { $0.increment("1") })]) == ["committed"])
            }
            #expect(outcomes.all == ["began", "cancelled", "lost"])
            #expect(try await other.redis("GET", bench.effect("1")).integer == 1)
            await other.close()
        }
    }

    @Test("keeps its claim while it works longer than the lease")
    func renewal() async throws {
        try await withHoldfast { holdfast, _ in
            let attempts = Record<Int>()
            let orders = holdfast.queue("orders", of: Order.self)
            let link = holdfast.core.link
            holdfast.handle(orders, options: .quick(lease: .milliseconds(4500))) { _, delivery in
                attempts.add(delivery.attempt)
                let end = try await link.serverTime() + 5000
                _ = try await eventually { try await link.serverTime() >= end }
                try delivery.check()
                return .commit
            }
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 1), id: "a")
                #expect(try await eventually { try await orders.status().isDrained })
            }
            #expect(attempts.all == [1])
        }
    }

    @Test("goes on when Redis was killed and came back with its files")
    func restart() async throws {
        var options = PrivateRedisServer.Options()
        options.appendOnly = true
        options.appendFsync = .always
        try await withPrivateRedisServer(options) { server in
            let holdfast = try client(of: server)
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: .quick(lease: .seconds(1))) { order, _ in
                .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            try await orders.send(
                contentsOf: (1...2000).map { (id: "\($0)", message: Order(number: $0, cents: 1)) })
            let other = try client(of: server)
            try await holdfast.whileRunning {
                #expect(
                    try await eventually { try await other.store(ofQueue: "orders").status().ready < 1900 })
                await server.kill()
                try await server.restart()
                #expect(
                    try await eventually(within: .seconds(30)) {
                        try await other.store(ofQueue: "orders").status().isDrained
                    })
            }
            let counts = try await other.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
            #expect(counts.count == 2000 && counts.allSatisfy { $0.integer == 1 })
            await other.close()
        }
    }
}

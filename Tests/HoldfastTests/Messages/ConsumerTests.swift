import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

private struct Order: Codable, Hashable, Sendable {
    var number: Int
    var cents: Int
}

extension ConsumerOptions {
    fileprivate static func quick(
        attempts: Int = 5, lease: Duration? = nil, concurrency: Int = 16
    ) -> ConsumerOptions {
        var options = ConsumerOptions()
        options.retry = RetryPolicy(attempts: attempts, first: .milliseconds(1), longest: .milliseconds(1))
        options.lease = lease
        options.concurrency = concurrency
        return options
    }
}

@Suite("A queue's handler")
struct ConsumerTests {
    @Test("has each message's effect once, with several instances and messages sent twice")
    func exactlyOnce() async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            let handler: @Sendable (Order, Delivery) async throws -> Handled = { order, delivery in
                #expect(delivery.id == "order-\(order.number)" && delivery.attempt == 1 && delivery.isHeld)
                return .commit { effects in
                    effects.increment("revenue-cents", by: order.cents)
                    effects.increment(field: "\(order.number)", inHash: "per-order")
                }
            }
            for holdfast in [first, second] { holdfast.handle(holdfast.queue("orders"), .quick(), handler) }
            let orders = first.queue("orders", of: Order.self)
            let messages = (1...1000).map { (id: "order-\($0)", message: Order(number: $0, cents: $0)) }
            try await second.whileRunning {
                try await first.whileRunning {
                    let sent = try await orders.send(contentsOf: messages + messages.prefix(100))
                    #expect(sent.count == 1100 && sent.filter { $0 == .duplicate }.count == 100)
                    #expect(try await eventually { try await orders.stats().isDrained })
                    #expect(try await orders.send(messages[0].message, id: "order-1") == .duplicate)
                    let revenue = RedisArgument.string(try orders.effectKey("revenue-cents"))
                    #expect(try await first.redis("GET", revenue).integer == 500_500)
                    let counts =
                        try await first.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
                    #expect(counts.count == 1000 && counts.allSatisfy { $0.integer == 1 })
                }
            }
        }
    }

    @Test("has each effect once although its connections are cut again and again")
    func cutConnections() async throws {
        try await withHoldfast { holdfast, server in
            let orders = holdfast.queue("orders", of: Order.self)
            try await orders.send(
                contentsOf: (1...3000).map { (id: "\($0)", message: Order(number: $0, cents: 1)) })
            holdfast.handle(orders, .quick(lease: .milliseconds(500))) { order, _ in
                .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            let other = try client(of: server)
            try await holdfast.whileRunning {
                let store = try other.store(ofQueue: "orders")
                for cut in 1...20 {
                    _ = try await eventually { try await store.stats().ready < 3000 - 140 * cut }
                    try await other.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                }
                #expect(try await eventually { try await store.stats().isDrained })
            }
            let counts = try await other.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
            #expect(counts.count == 3000 && counts.allSatisfy { $0.integer == 1 })
            #expect(try await other.store(ofQueue: "orders").stats().dead == 0)
            await other.close()
        }
    }

    @Test("has each effect once although requests and replies are lost", arguments: [1, 2, 3] as [UInt64])
    func lostReplies(seed: UInt64) async throws {
        try await withHoldfast { observer, server in
            let proxy = try FaultProxy(
                to: server.url, seed: seed,
                rules: [
                    FaultRule(.reply, of: "EVALSHA", .chance(0.05), [.drop, .reset]),
                    FaultRule(.request, of: "EVALSHA", .chance(0.02), [.drop, .reset]),
                ])
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let orders = observer.queue("orders", of: Order.self)
            try await orders.send(
                contentsOf: (1...500).map { (id: "\($0)", message: Order(number: $0, cents: 1)) })
            holdfast.handle(holdfast.queue("orders", of: Order.self), .quick(lease: .milliseconds(500))) {
                order, _ in
                .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            try await holdfast.whileRunning {
                #expect(try await eventually(within: .seconds(60)) { try await orders.stats().isDrained })
            }
            #expect(!proxy.log.isEmpty, "the faults were felt")
            let counts = try await observer.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
            #expect(counts.count == 500 && counts.allSatisfy { $0.integer == 1 })
            #expect(try await orders.stats().dead == 0)
        }
    }

    @Test("ends when the client is closed under it")
    func closed() async throws {
        try await withHoldfast { holdfast, _ in
            holdfast.handle(holdfast.queue("orders", of: Order.self)) { _, _ in .commit }
            let run = Task { try await holdfast.run() }
            _ = try await holdfast.redis("PING")
            await holdfast.close()
            try await run.value
        }
    }

    @Test("takes what a plain XADD adds while it runs")
    func plainXADD() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            let seen = Record<Int>()
            holdfast.handle(holdfast.queue("orders", of: Order.self)) { order, _ in
                seen.add(order.number)
                return .commit
            }
            try await holdfast.whileRunning {
                _ = try await bench.add("id", "x", "body", #"{"number":7,"cents":1}"#)
                _ = try await bench.add("body", #"{"number":8,"cents":1}"#)
                #expect(await eventually { seen.count == 2 })
            }
            #expect(Set(seen.all) == [7, 8])
        }
    }

    @Test("tries again after a failure with one more attempt, then gives the message up")
    func retries() async throws {
        try await withHoldfast { holdfast, _ in
            let attempts = Record<Int>()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, .quick(attempts: 3)) { _, delivery in
                attempts.add(delivery.attempt)
                if delivery.attempt == 1 { throw HoldfastError(.refused, "no stock") }
                return .retry(after: .zero)
            }
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 1), id: "a")
                #expect(try await eventually { try await orders.stats().dead == 1 })
            }
            #expect(attempts.all == [1, 2, 3])
        }
    }

    @Test("buries a message that it cannot read with the reason, after all attempts")
    func unreadable() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            holdfast.handle(holdfast.queue("orders", of: Order.self), .quick(attempts: 2)) { _, _ in .commit }
            try await holdfast.whileRunning {
                _ = try await bench.add("id", "x", "body", "{}")
                #expect(try await eventually { try await bench.stats().dead == 1 })
                let letter = try #require(try await bench.deadLetters().first)
                #expect(letter["attempts"] == "2" && letter["reason"]?.contains("number") == true)
            }
        }
    }

    @Test("treats a refused effect as a failed attempt, and commits the other messages")
    func refusedEffect() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            try await holdfast.redis("SET", bench.effect("set"), "x")
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, .quick(attempts: 2)) { order, _ in
                .commit { effects in
                    effects.increment("n")
                    if order.number == 1 { effects.add("m", toSet: "set") }
                }
            }
            try await holdfast.whileRunning {
                try await orders.send(contentsOf: (1...5).map { ("\($0)", Order(number: $0, cents: 0)) })
                #expect(try await eventually { try await orders.stats().dead == 1 })
                #expect(
                    try await eventually { try await holdfast.redis("GET", bench.effect("n")).integer == 4 })
            }
        }
    }

    @Test("is cancelled when its claim is lost, and its commit is refused")
    func lost() async throws {
        try await withHoldfast { holdfast, server in
            let other = try client(of: server)
            let outcomes = Record<String>()
            let never = Gate()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, .quick(lease: .milliseconds(600))) { order, delivery in
                if order.number == 1 {
                    outcomes.add("began")
                    do { try await never.pass() } catch { outcomes.add("cancelled") }
                    do throws(HoldfastError) { try delivery.check() } catch { outcomes.add("\(error.code)") }
                }
                return .commit { $0.increment("\(order.number)") }
            }
            let bench = try QueueBench(other, "orders")
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 1), id: "a")
                #expect(await eventually { outcomes.count == 1 })
                // As if the lease had ended: the next claim takes it over.
                let due = RedisArgument.string(bench.keys.due)
                let entry = try #require(try await other.redis("ZRANGE", due, "0", "0").array?.first?.string)
                try await other.redis("ZADD", due, "1", .string(entry))
                let heir = try #require(try await bench.claim().claims.first)
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
            holdfast.handle(orders, .quick(lease: .milliseconds(150))) { _, delivery in
                attempts.add(delivery.attempt)
                try await Task.sleep(for: .milliseconds(600))
                try delivery.check()
                return .commit
            }
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 1), id: "a")
                #expect(try await eventually { try await orders.stats().isDrained })
            }
            #expect(attempts.all == [1])
        }
    }

    @Test("may finish after a stop; what takes too long is given back without using up its attempt")
    func stop() async throws {
        try await withHoldfast { observer, server in
            var configuration = Configuration()
            configuration.stopDeadline = .milliseconds(200)
            let holdfast = try Holdfast(
                redis: server.url, namespace: "t", configuration: configuration, logger: .quiet)
            let outcomes = Record<String>()
            let never = Gate()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, .quick(concurrency: 2)) { order, _ in
                outcomes.add("began \(order.number)")
                if order.number == 1 {
                    try await Task.sleep(for: .milliseconds(50))
                } else {
                    try await never.pass()
                }
                return .commit
            }
            try await holdfast.whileRunning {
                try await orders.send(contentsOf: (1...5).map { ("\($0)", Order(number: $0, cents: 0)) })
                #expect(await eventually { outcomes.count == 2 })
            }
            let stats = try await observer.store(ofQueue: "orders").stats()
            #expect(stats.inFlight == 0)
            // The first may have made room for the third before the stop came.
            #expect(stats.ready + stats.retrying == 4)
            let again = try await QueueBench(observer, "orders").claim().claims
            #expect(again.map(\.attempt) == [1, 1, 1, 1])
            #expect(Set(again.map(\.id)) == ["2", "3", "4", "5"])
        }
    }

    @Test("gives its messages back when the run is cancelled")
    func cancellation() async throws {
        try await withHoldfast { observer, server in
            let holdfast = try client(of: server)
            let began = Record<Int>()
            let never = Gate()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders) { order, _ in
                began.add(order.number)
                try await never.pass()
                return .commit
            }
            let run = Task { try await holdfast.run() }
            try await orders.send(contentsOf: (1...5).map { ("\($0)", Order(number: $0, cents: 0)) })
            #expect(await eventually { began.count == 5 })
            run.cancel()
            try await run.value
            #expect(
                try await QueueBench(observer, "orders").claim().claims.map(\.attempt) == [1, 1, 1, 1, 1])
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
            holdfast.handle(orders, .quick(lease: .seconds(1))) { order, _ in
                .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            try await orders.send(
                contentsOf: (1...2000).map { (id: "\($0)", message: Order(number: $0, cents: 1)) })
            let other = try client(of: server)
            try await holdfast.whileRunning {
                #expect(
                    try await eventually { try await other.store(ofQueue: "orders").stats().ready < 1900 })
                await server.kill()
                try await server.restart()
                #expect(
                    try await eventually(within: .seconds(30)) {
                        try await other.store(ofQueue: "orders").stats().isDrained
                    })
            }
            let counts = try await other.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
            #expect(counts.count == 2000 && counts.allSatisfy { $0.integer == 1 })
            await other.close()
        }
    }

    @Test("makes the run throw when the queue's name or an option cannot be used")
    func invalid() async throws {
        try await withHoldfast { holdfast, _ in
            let nameless = holdfast.queue("", of: Order.self)
            let error = await #expect(throws: HoldfastError.self) { try await nameless.stats() }
            #expect(error?.code == .invalidArgument)
            var options = ConsumerOptions()
            options.concurrency = 0
            holdfast.handle(holdfast.queue("q", of: Order.self), options) { _, _ in .commit }
            let thrown = await #expect(throws: HoldfastError.self) { try await holdfast.run() }
            #expect(thrown?.code == .invalidArgument)
        }
    }
}

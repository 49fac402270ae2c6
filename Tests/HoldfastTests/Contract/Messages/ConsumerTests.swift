import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A queue's handler")
struct ConsumerTests {
    @Test(
        "has each message's effect once, with several instances and messages sent twice",
        arguments: Backend.all)
    func exactlyOnce(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let handler: @Sendable (Order, Delivery) async throws -> Decision = { order, delivery in
                #expect(delivery.id == "order-\(order.number)" && delivery.attempt == 1 && delivery.isHeld)
                return .commit { effects in
                    effects.increment("revenue-cents", by: order.cents)
                    effects.increment(field: "\(order.number)", inHash: "per-order")
                }
            }
            for holdfast in [first, second] {
                holdfast.handle(holdfast.queue("orders"), options: .quick(), handler)
            }
            let orders = first.queue("orders", of: Order.self)
            let messages = (1...1000).map { (id: "order-\($0)", message: Order(number: $0, cents: $0)) }
            try await second.whileRunning {
                try await first.whileRunning {
                    let sent = try await orders.send(contentsOf: messages + messages.prefix(100))
                    #expect(sent.count == 1100 && sent.filter { $0 == .duplicate }.count == 100)
                    #expect(try await eventually { try await orders.status().isDrained })
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

    @Test("takes what a plain XADD adds while it runs", arguments: Backend.all)
    func plainXADD(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
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

    @Test(
        "tries again after a failure with one more attempt, then gives the message up", arguments: Backend.all
    )
    func retries(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let attempts = Record<Int>()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: .quick(attempts: 3)) { _, delivery in
                attempts.add(delivery.attempt)
                if delivery.attempt == 1 { throw HoldfastError(.refused, "no stock") }
                return .retry(after: .zero)
            }
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 1), id: "a")
                #expect(try await eventually { try await orders.status().dead == 1 })
            }
            #expect(attempts.all == [1, 2, 3])
        }
    }

    @Test("buries a message that it cannot read with the reason, after all attempts", arguments: Backend.all)
    func unreadable(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            holdfast.handle(holdfast.queue("orders", of: Order.self), options: .quick(attempts: 2)) { _, _ in
                .commit
            }
            try await holdfast.whileRunning {
                _ = try await bench.add("id", "x", "body", "{}")
                #expect(try await eventually { try await bench.status().dead == 1 })
                let letter = try #require(try await bench.deadLetters().first)
                #expect(letter["attempts"] == "2" && letter["reason"]?.contains("number") == true)
            }
        }
    }

    @Test(
        "treats a refused effect as a failed attempt, and commits the other messages", arguments: Backend.all)
    func refusedEffect(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            try await holdfast.redis("SET", bench.effect("set"), "x")
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: .quick(attempts: 2)) { order, _ in
                .commit { effects in
                    effects.increment("n")
                    if order.number == 1 { effects.add("m", toSet: "set") }
                }
            }
            try await holdfast.whileRunning {
                try await orders.send(contentsOf: (1...5).map { ("\($0)", Order(number: $0, cents: 0)) })
                #expect(try await eventually { try await orders.status().dead == 1 })
                #expect(
                    try await eventually { try await holdfast.redis("GET", bench.effect("n")).integer == 4 })
            }
        }
    }

    @Test(
        "may finish after a stop; what takes too long is given back without using up its attempt",
        arguments: Backend.all)
    func stop(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { observer, server in
            var configuration = Holdfast.Configuration()
            configuration.stopDeadline = .seconds(1)
            let holdfast = try server.make(configuration)
            let outcomes = Record<String>()
            let never = Gate()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: .quick(concurrency: 2)) { order, _ in
                outcomes.add("began \(order.number)")
                if order.number == 1 {
                    try await Task.sleep(for: .milliseconds(20))
                } else {
                    try await never.pass()
                }
                return .commit
            }
            try await holdfast.whileRunning {
                try await orders.send(contentsOf: (1...5).map { ("\($0)", Order(number: $0, cents: 0)) })
                #expect(await eventually { outcomes.count == 2 })
            }
            let stats = try await observer.store(ofQueue: "orders").status()
            #expect(stats.inFlight == 0)
            // The first may have made room for the third before the stop came.
            #expect(stats.ready + stats.delayed == 4)
            let again = try await QueueBench(observer, "orders").claim().claims
            #expect(again.map(\.attempt) == [1, 1, 1, 1])
            #expect(Set(again.map(\.id)) == ["2", "3", "4", "5"])
        }
    }

    @Test("gives its messages back when the run is cancelled", arguments: Backend.all)
    func cancellation(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { observer, server in
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
            let again = try await QueueBench(observer, "orders").claim().claims
            #expect(again.map(\.attempt) == [1, 1, 1, 1, 1], "of \(again.map(\.id))")
        }
    }

    @Test("names the option that cannot be used, with its value and its range")
    func namedOption() {
        let refusals: [((inout ConsumerOptions) -> Void, String)] = [
            ({ $0.concurrency = 0 }, "concurrency must be at least 1, not 0"),
            ({ $0.totalConcurrency = -1 }, "totalConcurrency must be at least 1, not -1"),
            ({ $0.takeOversPerSecond = 0 }, "takeOversPerSecond must be at least 1, not 0"),
            ({ $0.deadLetters = -1 }, "deadLetters must be at least 0, not -1"),
            ({ $0.retry.attempts = 0 }, "the attempts of a retry policy must be at least 1, not 0"),
            (
                { $0.retry.longest = .seconds(-2) },
                "the longest wait of a retry policy must be at least 0s, not -2s"
            ),
            ({ $0.retention = .zero }, "retention must be at least 1ms, not 0s"),
        ]
        for (set, message) in refusals {
            var options = ConsumerOptions()
            set(&options)
            let valid = Result { [options] () throws(HoldfastError) in
                try options.validated(lease: .seconds(30), [])
            }
            guard case .failure(let error) = valid else {
                Issue.record("not refused: \(message)")
                continue
            }
            #expect(error.message == message && error.code == .invalidArgument)
        }
    }

    @Test("makes the run throw when the queue's name or an option cannot be used", arguments: Backend.all)
    func invalid(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let nameless = holdfast.queue("", of: Order.self)
            let error = await #expect(throws: HoldfastError.self) { try await nameless.status() }
            #expect(error?.code == .invalidArgument)
            var options = ConsumerOptions()
            options.concurrency = 0
            holdfast.handle(holdfast.queue("q", of: Order.self), options: options) { _, _ in .commit }
            let thrown = await #expect(throws: HoldfastError.self) { try await holdfast.run() }
            #expect(thrown?.code == .invalidArgument)
        }
    }
}

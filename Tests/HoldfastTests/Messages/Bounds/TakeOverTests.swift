import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// What becomes of the messages of consumers that died, all at once.
@Suite("After a mass crash")
struct TakeOverTests {
    /// Messages whose consumer is gone, and whose claims are over.
    private static func orphans(_ count: Int, _ holdfast: Holdfast, lease: Duration) async throws {
        let bench = try QueueBench(holdfast, "orders")
        let orders = holdfast.queue("orders", of: Order.self)
        try await orders.send(contentsOf: (0..<count).map { ("\($0)", Order(number: $0, cents: 0)) })
        var claims: [MessageClaim] = []
        while claims.count < count { claims += try await bench.claim().claims }
        _ = try await bench.renew(claims, lease: lease)
    }

    @Test("each instance keeps to its rate, all of it comes back, and new messages do not wait for it")
    func rate() async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            let start = ContinuousClock.now
            let taken = [Record<Duration>(), Record<Duration>()]
            let new = Record<Int>()
            let orders = first.queue("orders", of: Order.self)
            var options = ConsumerOptions.quick()
            options.takeOversPerSecond = 20
            for (holdfast, taken) in zip([first, second], taken) {
                holdfast.handle(holdfast.queue("orders", of: Order.self), options: options) {
                    order, delivery in
                    if delivery.attempt == 2 {
                        taken.add(ContinuousClock.now - start)
                    } else {
                        new.add(order.number)
                    }
                    return .commit
                }
            }
            try await Self.orphans(120, first, lease: .milliseconds(1))
            try await second.whileRunning {
                try await first.whileRunning {
                    try await orders.send(
                        contentsOf: (1000..<1010).map { ("\($0)", Order(number: $0, cents: 0)) })
                    #expect(await eventually { new.count == 10 })
                    #expect(taken[0].count + taken[1].count < 120, "there was more to take over")
                    #expect(try await orders.isDrained(within: .seconds(30)))
                }
            }
            #expect(taken[0].count + taken[1].count == 120)
            for instants in taken.map(\.all) {
                // Within any time, no more than the rate and what was saved up before: a second's worth.
                for (index, instant) in instants.enumerated() {
                    #expect(Double(index + 1) <= 20 + 20 * (instant / .seconds(1)) + 1)
                }
            }
            await second.close()
        }
    }

    @Test(
        "a message comes back when its lease is over, to an instance that had nothing to do")
    func lease() async throws {
        try await withHoldfast { holdfast, _ in
            let orders = holdfast.queue("orders", of: Order.self)
            let attempts = Record<Int>()
            holdfast.handle(orders, options: .quick()) { _, delivery in
                attempts.add(delivery.attempt)
                return .commit
            }
            try await Self.orphans(1, holdfast, lease: .milliseconds(600))
            try await holdfast.whileRunning {
                let isDrained = try await orders.isDrained()
                #expect(isDrained)
            }
            #expect(attempts.all == [2])
        }
    }

    @Test("retries, take-overs and new messages get on beside each other")
    func noStarvation() async throws {
        try await withHoldfast { holdfast, _ in
            let orders = holdfast.queue("orders", of: Order.self)
            let kinds = Record<String>()
            var options = ConsumerOptions.quick(attempts: 1000, concurrency: 4)
            options.takeOversPerSecond = 10
            holdfast.handle(orders, options: options) { order, delivery in
                kinds.add(order.number < 0 ? "failing" : delivery.attempt > 1 ? "taken over" : "new")
                if order.number < 0 { return .retry(after: .milliseconds(200)) }
                return .commit
            }
            try await Self.orphans(15, holdfast, lease: .milliseconds(1))
            // More failing ones than there are handlers.
            try await orders.send(contentsOf: (1...40).map { ("f\($0)", Order(number: -$0, cents: 0)) })
            try await holdfast.whileRunning {
                for number in 100..<110 {
                    try await orders.send(Order(number: number, cents: 0), id: "\(number)")
                }
                #expect(
                    await eventually {
                        kinds.all.count { $0 == "taken over" } == 15 && kinds.all.count { $0 == "new" } == 10
                    })
            }
        }
    }
}

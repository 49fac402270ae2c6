import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// Effects that nobody can take back: one too few is better than one too many.
@Suite("A message that is handled at most once")
struct AtMostOnceTests {
    private static var options: ConsumerOptions {
        var options = ConsumerOptions.quick(concurrency: 2)
        options.retry = .atMostOnce
        return options
    }

    private static func reasons(_ orders: MessageQueue<Order>) async throws -> [String: String] {
        let letters = try await orders.deadLetters()
        return Dictionary(uniqueKeysWithValues: letters.map { ($0.id, $0.reason) })
    }

    @Test("is given up when its handler throws or asks for another attempt, and committed when it returns")
    func outcomes() async throws {
        try await withHoldfast { observer, server in
            let holdfast = try client(of: server)
            let begun = Record<Int>()
            let orders = observer.queue("orders", of: Order.self)
            holdfast.handle(holdfast.queue("orders", of: Order.self), options: Self.options) { order, _ in
                begun.add(order.number)
                switch order.number {
                case 1: throw HoldfastError(.refused, "no paper")
                case 2: return .retry(after: .zero)
                default: return .commit
                }
            }
            try await holdfast.whileRunning {
                try await orders.send(contentsOf: (1...3).map { ("\($0)", Order(number: $0, cents: 0)) })
                #expect(try await orders.isDrained())
            }
            #expect(begun.all.sorted() == [1, 2, 3])
            let reasons = try await Self.reasons(orders)
            #expect(Set(reasons.keys) == ["1", "2"] && reasons["1"] == "no paper")
        }
    }

    @Test("is given up by a stop that cancels its handler, and given back if that had not begun")
    func stop() async throws {
        try await withHoldfast { observer, server in
            var configuration = Holdfast.Configuration()
            configuration.stopDeadline = .milliseconds(50)
            let holdfast = try Holdfast(
                redis: server.url, namespace: "t", configuration: configuration, logger: .quiet)
            let begun = Record<Int>()
            let never = Gate()
            let orders = observer.queue("orders", of: Order.self)
            holdfast.handle(holdfast.queue("orders", of: Order.self), options: Self.options) { order, _ in
                begun.add(order.number)
                try await never.pass()
                return .commit
            }
            try await orders.send(contentsOf: (1...3).map { ("\($0)", Order(number: $0, cents: 0)) })
            try await holdfast.whileRunning {
                #expect(await eventually { begun.count == 2 })
            }
            let reasons = try await Self.reasons(orders)
            #expect(reasons == ["1": "its one attempt was cancelled", "2": "its one attempt was cancelled"])
            #expect(try await QueueBench(observer, "orders").claim().claims.map(\.id) == ["3"])
        }
    }

    @Test("is given up when its consumer died, and not handed out again")
    func crash() async throws {
        try await withHoldfast { holdfast, _ in
            let begun = Record<Int>()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: Self.options) { order, _ in
                begun.add(order.number)
                return .commit
            }
            try await orders.send(Order(number: 1, cents: 0), id: "a")
            _ = try await QueueBench(holdfast, "orders").claim(lease: .milliseconds(1))
            try await holdfast.whileRunning {
                let isDead = try await eventually { try await orders.status().dead == 1 }
                #expect(isDead)
                // Only people replay it.
                #expect(try await orders.replay(orders.deadLetters()) == 1)
                #expect(try await orders.isDrained())
            }
            #expect(begun.all == [1])
        }
    }
}

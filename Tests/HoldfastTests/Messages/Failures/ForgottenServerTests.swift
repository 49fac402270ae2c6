import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// A server that forgets everything while messages are under way.
@Suite("A queue whose server is flushed")
struct ForgottenServerTests {
    @Test("goes on, and has the effect of what is sent again once in the history that begins then")
    func flush() async throws {
        try await withHoldfast { holdfast, server in
            let observer = try client(of: server)
            let orders = observer.queue("orders", of: Order.self)
            let bench = try QueueBench(observer, "orders")
            let begun = Record<FencingToken>()
            let gate = Gate()
            holdfast.handle(
                holdfast.queue("orders", of: Order.self), options: .quick(lease: .milliseconds(500))
            ) {
                order, delivery in
                begun.add(delivery.fencingToken)
                try await gate.pass()
                return .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            let messages = (1...40).map { (id: "\($0)", message: Order(number: $0, cents: 0)) }
            try await holdfast.whileRunning {
                try await orders.send(contentsOf: messages)
                #expect(await eventually { begun.count == 16 })
                try await observer.redis("FLUSHALL")
                try await observer.redis("SCRIPT", "FLUSH")
                let before = try #require(begun.all.max())
                // Some are sent again while handlers of the first ones still run.
                try await orders.send(contentsOf: Array(messages.prefix(30)))
                gate.open()
                try await orders.send(contentsOf: messages)
                #expect(try await orders.isDrained())
                let counts = try await observer.redis("HGETALL", bench.effect("per-order")).array ?? []
                #expect(counts.count == 80)
                #expect(stride(from: 1, to: counts.count, by: 2).allSatisfy { counts[$0].integer == 1 })
                #expect(begun.all.dropFirst(16).allSatisfy { $0 > before }, "fences still rise")
                #expect(try await orders.send(messages[0].message, id: "1") == .duplicate)
            }
            #expect(try await bench.status().dead == 0)
            await observer.close()
        }
    }
}

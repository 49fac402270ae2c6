import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A handler of batches")
struct BatchTests {
    @Test("gets up to so many messages in one call, and each has its own verdict", arguments: Backend.all)
    func verdicts(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let orders = holdfast.queue("orders", of: Order.self)
            let sizes = Record<Int>()
            holdfast.handle(batchesOf: 10, from: orders, options: .quick(attempts: 2, concurrency: 40)) {
                messages in
                sizes.add(messages.count)
                return messages.map { received in
                    switch received.message.number % 5 {
                    case 0: .deadLetter("zero")
                    case 1: .retry()
                    default: .commit { $0.increment(field: "\(received.message.number)", inHash: "done") }
                    }
                }
            }
            try await orders.send(contentsOf: (0..<100).map { ("\($0)", Order(number: $0, cents: 0)) })
            _ = try await QueueBench(holdfast, "orders").add("id", "bad", "body", "{}")
            try await holdfast.whileRunning {
                let isThrough = try await eventually {
                    let stats = try await orders.status()
                    return stats.dead == 41 && stats.isDrained
                }
                #expect(isThrough)
                let done = try await holdfast.redis("HVALS", .string(orders.effectKey("done"))).array ?? []
                #expect(done.count == 60 && done.allSatisfy { $0.integer == 1 })
            }
            let most = try #require(sizes.all.max())
            #expect(most > 1 && most <= 10)
        }
    }

    @Test(
        "fails the attempt of all when it throws, or decides on another number of messages",
        arguments: Backend.all)
    func failures(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let orders = holdfast.queue("orders", of: Order.self)
            let calls = Record<Int>()
            holdfast.handle(batchesOf: 10, from: orders, options: .quick(attempts: 2)) { messages in
                calls.add(messages.count)
                if messages[0].delivery.attempt == 1 { throw HoldfastError(.refused, "no stock") }
                return []
            }
            try await orders.send(contentsOf: (0..<5).map { ("\($0)", Order(number: $0, cents: 0)) })
            try await holdfast.whileRunning {
                let areDead = try await eventually { try await orders.status().dead == 5 }
                #expect(areDead)
            }
            #expect(calls.all.reduce(0, +) == 10)
        }
    }

    @Test(
        "is cancelled when one of its claims is lost; the others are given back without using up an attempt",
        arguments: Backend.all)
    func lost(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, server in
            let observer = try client(of: server)
            let bench = try QueueBench(observer, "orders")
            let orders = holdfast.queue("orders", of: Order.self)
            let calls = Record<[Int]>()
            let never = Gate()
            // No room for another message: else this consumer might take over its own lost claim.
            let options = ConsumerOptions.quick(lease: .seconds(3), concurrency: 3)
            holdfast.handle(batchesOf: 3, from: orders, options: options) { messages in
                calls.add(messages.map(\.delivery.attempt))
                if calls.count == 1 { try await never.pass() }
                return messages.map { _ in .commit { $0.increment("n") } }
            }
            try await orders.send(contentsOf: (0..<3).map { ("\($0)", Order(number: $0, cents: 0)) })
            try await holdfast.whileRunning {
                #expect(await eventually { calls.count == 1 })
                let entry = try #require(
                    try await observer.redis("ZRANGE", .string(bench.keys.expiry), "0", "0").array?.first?
                        .string)
                var heirs: [MessageClaim] = []
                _ = try await eventually {
                    try await observer.redis("ZADD", .string(bench.keys.expiry), "1", .string(entry))
                    heirs = try await bench.claim(1).claims
                    return !heirs.isEmpty
                }
                let n = bench.effect("n")
                #expect(try await eventually { try await observer.redis("GET", n).integer == 2 })
                #expect(try await bench.settle([(heirs[0], .commit { $0.increment("n") })]) == ["committed"])
            }
            #expect(Set(calls.all.dropFirst().joined()) == [1])
            await observer.close()
        }
    }

    @Test("gives back what it has not finished at the end of the stop's deadline", arguments: Backend.all)
    func stop(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { observer, server in
            let holdfast = try client(of: server)
            let orders = holdfast.queue("orders", of: Order.self)
            let calls = Record<Int>()
            let never = Gate()
            holdfast.handle(batchesOf: 10, from: orders) { messages in
                calls.add(messages.count)
                try await never.pass()
                return []
            }
            try await orders.send(contentsOf: (0..<4).map { ("\($0)", Order(number: $0, cents: 0)) })
            let run = Task { try await holdfast.run() }
            #expect(await eventually { calls.all.reduce(0, +) == 4 })
            run.cancel()
            try await run.value
            let again = try await QueueBench(observer, "orders").claim().claims
            #expect(again.map(\.attempt) == [1, 1, 1, 1])
        }
    }
}

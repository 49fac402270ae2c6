import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

/// A claim whose answer is lost: the messages are nobody's, and their attempts were never made.
@Suite("A claim without an answer")
struct UnansweredClaimTests {
    @Test(
        "is given back: it costs its messages neither the lease nor an attempt",
        arguments: [1, 2] as [UInt64])
    func lostReplies(seed: UInt64) async throws {
        try await withHoldfast { observer, server in
            let proxy = try FaultProxy(
                to: server.unixURL, seed: seed,
                rules: [FaultRule(.reply, of: "EVALSHA", .chance(0.1), [.drop, .reset])])
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let orders = observer.queue("orders", of: Order.self)
            let attempts = Record<Int>()
            try await orders.send(contentsOf: (1...200).map { ("\($0)", Order(number: $0, cents: 1)) })
            // With one attempt, each that is lost would be a dead letter.
            holdfast.handle(
                holdfast.queue("orders", of: Order.self),
                options: .quick(attempts: 1, lease: .seconds(600), concurrency: 2)
            ) { order, delivery in
                attempts.add(delivery.attempt)
                return .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            try await holdfast.whileRunning {
                let isDrained = try await orders.isDrained(within: .seconds(60))
                #expect(isDrained)
            }
            #expect(!proxy.log.isEmpty, "the faults were felt")
            #expect(attempts.all == Array(repeating: 1, count: 200))
            let counts = try await observer.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
            #expect(counts.count == 200 && counts.allSatisfy { $0.integer == 1 })
            #expect(try await orders.status().dead == 0)
        }
    }

    @Test("is given back when a server that was frozen goes on")
    func frozenServer() async throws {
        try await withPrivateRedisServer { server in
            let holdfast = try client(of: server, commandTimeout: .milliseconds(300))
            let observer = try client(of: server, commandTimeout: .seconds(60))
            let orders = observer.queue("orders", of: Order.self)
            let attempts = Record<Int>()
            holdfast.handle(
                holdfast.queue("orders", of: Order.self), options: .quick(attempts: 1, lease: .seconds(600))
            ) { _, delivery in
                attempts.add(delivery.attempt)
                return .commit
            }
            try await observer.connect()
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 0, cents: 0), id: "0")
                #expect(await eventually { attempts.count == 1 })
                for round in 1...3 {
                    try await server.pause()
                    let send = Task { try await orders.send(Order(number: round, cents: 0), id: "\(round)") }
                    // Longer than its timeout: it asks at least each second.
                    #expect(await eventually { await !holdfast.health.isConnected })
                    try await server.resume()
                    _ = try await send.value
                    #expect(await eventually { attempts.count == round + 1 })
                }
                #expect(try await orders.isDrained())
            }
            #expect(attempts.all == [1, 1, 1, 1])
            #expect(try await orders.status().dead == 0)
            await observer.close()
        }
    }

    @Test("is given back by its token alone, once, and leaves the claims of others as they are")
    func script() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b", "c")
            let lost = try await bench.claim(2).claims
            let other = try await bench.claim(1).claims
            let token = try #require(lost[0].owner.split(separator: ":", maxSplits: 2).last.map(String.init))
            for _ in 0..<2 {
                _ = try await holdfast.core.link.evaluate(
                    Scripts.giveBack, keys: bench.keys.forGivingBack,
                    arguments: [.string(token), "7", .string(bench.keys.wake)], check: .number(7))
            }
            #expect(try await bench.status().inFlight == 1)
            let again = try await bench.claim().claims
            #expect(again.map(\.id) == ["a", "b"] && again.map(\.attempt) == [1, 1])
            #expect(try await bench.settle(lost.map { ($0, .commit) }) == ["lost", "lost"])
            #expect(
                try await bench.settle((again + other).map { ($0, .commit) }).allSatisfy { $0 == "committed" }
            )
        }
    }
}

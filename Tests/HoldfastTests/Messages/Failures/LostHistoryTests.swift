import Foundation
import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// C and E of the failures in ``FailureMatrixTests``: what Redis forgets, by accident or by rule.
@Suite("A message's effect, when something is forgotten")
struct LostHistoryTests {
    @Test("C: is there once in the history that Redis kept, whatever was lost with its end")
    func lostSuffix() async throws {
        try await withPrivateRedisServer { server in
            let handled = Record<Int>()
            let later = Gate()
            let fences = Record<FencingToken>()
            let messages = (1...15).map { (id: "\($0)", message: Order(number: $0, cents: 1)) }
            let holdfast = try client(of: server)
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: .quick(lease: .milliseconds(500))) { order, delivery in
                if order.number > 5 { try await later.pass() }
                handled.add(order.number)
                fences.add(delivery.fencingToken)
                return .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            let witness = try client(of: server)
            let bench = try QueueBench(witness, "orders")
            func effects() async throws -> [Int64] {
                try await witness.redis("HVALS", bench.effect("per-order")).array?.compactMap(\.integer) ?? []
            }
            try await holdfast.whileRunning {
                try await orders.send(contentsOf: Array(messages.prefix(10)))
                #expect(try await eventually { try await effects().count == 5 })
                // Five are committed and five are claimed in what will be there after the crash.
                try await witness.redis("SAVE")
                later.open()
                try await orders.send(contentsOf: Array(messages.suffix(5)))
                #expect(try await eventually { try await effects().count == 15 })
                await server.kill()
                try await server.restart()
                // The claims and the effects behind the snapshot are gone, with the messages sent behind it. The
                // producer has kept them, and sends all it is not sure of.
                _ = await eventually { (try? await orders.send(contentsOf: messages)) != nil }
                #expect(try await eventually { try await effects().count == 15 })
                #expect(try await eventually { try await bench.status().isDrained })
            }
            #expect(try await effects() == Array(repeating: 1, count: 15))
            #expect(handled.all.prefix(15).sorted() == Array(1...15))
            #expect(handled.all.dropFirst(15).sorted() == Array(6...15), "lost together with their effects")
            let before = try #require(fences.all.prefix(15).max())
            let after = try #require(fences.all.dropFirst(15).min())
            #expect(before < after)
            await witness.close()
        }
    }

    @Test("E: is there once while its message exists, however short the retention is")
    func pinned() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            _ = try await bench.enqueue("dead", "waiting")
            let claims = try await bench.claim().claims
            _ = try await bench.settle(
                [(claims[0], .bury(reason: "test")), (claims[1], .retry(after: .zero))],
                retention: .milliseconds(1))
            try await passTime(holdfast, milliseconds: 5)
            // Whoever claims an empty queue forgets what is over.
            #expect(try await bench.claim(1).claims.map(\.id) == ["waiting"])
            _ = try await bench.claim()
            #expect(try await bench.enqueue("dead", "waiting") == [.duplicate, .duplicate])
            let store = try holdfast.store(ofQueue: "orders")
            let letters = try await store.deadLetters().map(\.entry)
            let replayed = try await store.replay(letters + letters)
            #expect(replayed.count { $0 != nil } == 1)
        }
    }

    @Test("E: is refused and not repeated when its id may have been forgotten and tells its age")
    func horizon() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            let store = try holdfast.store(ofQueue: "orders")
            let message = [(id: "a", body: Array("1".utf8))]
            let made = Date.now
            let options = [SendOptions(origin: .init(made: made, horizon: .milliseconds(100)))]
            #expect(try await store.enqueue(message, type: "", options) != [.duplicate])
            for claim in try await bench.claim().claims {
                #expect(
                    try await bench.settle(
                        [(claim, .commit { $0.increment("n") })], retention: .milliseconds(100))
                        == ["committed"])
            }
            // Known first, then too old: never anything in between.
            var answers: Set<SendOutcome> = []
            #expect(
                try await eventually {
                    answers.formUnion(try await store.enqueue(message, type: "", options))
                    _ = try await bench.claim()
                    return answers.contains(.tooOld)
                })
            #expect(answers.isSubset(of: [.duplicate, .tooOld]))
            #expect(try await holdfast.redis("GET", bench.effect("n")).integer == 1)
            // Who does not say when the id was made sends a new message, and the docs say so.
            #expect(try await eventually { try await store.enqueue(message, type: "") != [.duplicate] })
        }
    }

    /// Until the server's clock has gone on so far.
    private func passTime(_ holdfast: Holdfast, milliseconds: Int64) async throws {
        let start = try await holdfast.core.link.serverTime()
        _ = try await eventually { try await holdfast.core.link.serverTime() > start + milliseconds }
    }
}

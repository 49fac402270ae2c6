import RedisLink
import TestSupport
import Testing

@testable import Holdfast
@testable import HoldfastTesting

@Suite("A clock that a test sets passes over what is idle")
struct IdleTimeTests {
    @Test("a day with nothing to do takes no more steps than a minute")
    func idle() async throws {
        let clock = ManualClock()
        let handled = Record<String>()
        try await whileRunning(2, clock) { holdfast in
            holdfast.handle(holdfast.queue("q", of: String.self)) { text, _ in
                handled.add(text)
                return .commit
            }
            holdfast.add(worker: "rare", .every(.seconds(7 * 86_400))) { _ in }
        } _: { _, holdfast in
            let queue = holdfast.queue("q", of: String.self)
            try await queue.send("later", id: "a", options: SendOptions(.after(.seconds(86_300))))
            await clock.advance(by: .seconds(60))
            let before = clock.time.events
            await clock.advance(by: .seconds(86_000))
            #expect(clock.time.events - before < 100)
            #expect(handled.count == 0)
            await clock.advance(by: .seconds(240))
            #expect(handled.all == ["later"])
        }
    }

    @Test("what changes without a message is found within a second")
    func unannounced() async throws {
        let clock = ManualClock()
        let attempts = Record<Int>()
        let memory = try InMemoryRedis(clock: clock, logger: .quiet)
        let other = try memory.holdfast()
        let bench = try QueueBench(other)
        _ = try await bench.enqueue("a")
        let claims = try await bench.claim().claims
        let holdfast = try memory.holdfast()
        holdfast.handle(holdfast.queue("q", of: String.self)) { _, delivery in
            attempts.add(delivery.attempt)
            return .commit
        }
        try await holdfast.whileRunning {
            await clock.advance(by: .seconds(10))
            _ = try await bench.settle(claims.map { ($0, .giveBack) })
            await clock.advance(by: .seconds(1))
            #expect(attempts.all == [1])
        }
        await other.close()
    }

    @Test("an id is forgotten in time, though nobody had anything to do when its retention was over")
    func forgetting() async throws {
        let clock = ManualClock()
        let handled = Record<String>()
        try await whileRunning(1, clock) { holdfast in
            var options = ConsumerOptions()
            options.retention = .seconds(86_400)
            let queue = holdfast.queue("q", of: String.self)
            holdfast.handle(queue, options: options) { text, _ in
                handled.add(text)
                return .commit
            }
            holdfast.add(worker: "sender", .every(.seconds(2 * 86_400))) { _ in
                try await queue.send("again", id: "the same")
            }
        } _: { _, _ in
            await clock.advance(by: .seconds(6 * 86_400))
            #expect(handled.count == 3)
        }
    }
}

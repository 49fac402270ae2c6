import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// Each of these runs and handlers has outlasted the clock's patience, and was given up, when its time comes.
@Suite("What a test's clock ends, wakes or serves is waited for")
struct WaitedForTests {
    private let schedule = Schedule.every(.seconds(86_400), runOnStart: true)
    private let outcomes = Record<String>()

    /// Waits for what does not come; cancelled, it takes its time to end.
    private func stuck() async throws {
        do {
            try await Gate().pass()
        } catch {
            await tidyUp()
            outcomes.add("cancelled")
            throw error
        }
    }

    @Test("a run that takes longer than it may, to the record of its end")
    func maximumRun() async throws {
        let clock = ManualClock(patience: .milliseconds(20))
        try await whileRunning(1, clock) { holdfast in
            holdfast.add(worker: "slow", schedule, options: WorkerOptions(maximumRun: .seconds(30))) { _ in
                try await stuck()
            }
        } _: { _, holdfast in
            await clock.advance(by: .seconds(29))
            #expect(outcomes.count == 0)
            await clock.advance(by: .seconds(1))
            #expect(outcomes.all == ["cancelled"])
            let runs = try await holdfast.worker("slow").runs()
            #expect(runs.map(\.outcome) == [.timedOut])
        }
    }

    @Test("a run whose lease is found to be lost when it is renewed")
    func lostRun() async throws {
        let clock = ManualClock(patience: .milliseconds(20))
        try await whileRunning(1, clock) { holdfast in
            holdfast.add(worker: "slow", schedule) { _ in try await stuck() }
        } _: { memory, holdfast in
            await clock.advance(by: .zero)
            let lock = try #require(await memory.keys.first { $0.hasSuffix(":lock") })
            try await holdfast.redis("DEL", .string(lock))
            await clock.advance(by: .seconds(9))
            #expect(outcomes.count == 0)
            await clock.advance(by: .seconds(1))
            #expect(outcomes.all == ["cancelled"])
        }
    }

    @Test("a handler whose claim is found to be lost when it is renewed, also one of several messages")
    func lostClaim() async throws {
        let clock = ManualClock(patience: .milliseconds(20))
        try await whileRunning(1, clock) { holdfast in
            holdfast.handle(holdfast.queue("q", of: String.self), options: .quick(attempts: 1)) { _, _ in
                try await stuck()
                return .commit
            }
        } _: { memory, holdfast in
            try await holdfast.queue("q", of: String.self).send(contentsOf: [("a", "a"), ("b", "b")])
            await clock.advance(by: .zero)
            try await holdfast.redis("DEL", .string(QueueBench(holdfast).keys.claims))
            await clock.advance(by: .seconds(9))
            #expect(outcomes.count == 0)
            await clock.advance(by: .seconds(1))
            #expect(outcomes.all == ["cancelled", "cancelled"])
        }
    }

    @Test("a run that sleeps by the clock, from when it wakes to its end")
    func sleeper() async throws {
        let clock = ManualClock()
        try await whileRunning(1, clock) { holdfast in
            holdfast.add(worker: "slow", schedule) { _ in
                try await clock.sleep(for: .seconds(600))
                await tidyUp()
                outcomes.add("woke")
            }
        } _: { _, holdfast in
            await clock.advance(by: .seconds(599))
            #expect(outcomes.count == 0)
            await clock.advance(by: .seconds(1))
            #expect(outcomes.all == ["woke"])
            let runs = try await holdfast.worker("slow").runs()
            #expect(runs.map(\.outcome) == [.succeeded])
        }
    }

    @Test("a handler that waits for a lock, from when its wait is over")
    func lockWait() async throws {
        let clock = ManualClock()
        try await whileRunning(1, clock) { holdfast in
            holdfast.handle(holdfast.queue("q", of: String.self)) { _, _ in
                let code = await code { _ = try await holdfast.acquire("a", waitingAtMost: .seconds(600)) }
                await tidyUp()
                outcomes.add("\(code == .notAcquired)")
                return .commit
            }
        } _: { memory, holdfast in
            let other = try memory.holdfast()
            let lease = try await other.acquire("a")
            try await holdfast.queue("q", of: String.self).send("m", id: "m")
            await clock.advance(by: .seconds(599))
            #expect(outcomes.count == 0)
            await clock.advance(by: .seconds(1))
            #expect(outcomes.all == ["true"])
            try await lease.release()
            await other.close()
        }
    }

    @Test("but a handler that asks for an instant that has come, again and again, is given up as others are")
    func impatient() async throws {
        let clock = ManualClock(patience: .milliseconds(20))
        let isOver = Record<Bool>()
        try await whileRunning(1, clock) { holdfast in
            holdfast.handle(holdfast.queue("q", of: String.self)) { _, _ in
                while isOver.count == 0 { try await clock.sleep(for: .zero) }
                return .commit
            }
        } _: { _, holdfast in
            try await holdfast.queue("q", of: String.self).send("m", id: "m")
            await clock.advance(by: .seconds(1))
            isOver.add(true)
        }
    }

    @Test("a message that is sent while it stands still, from the first moment on")
    func atOnce() async throws {
        for _ in 0..<10 {
            let clock = ManualClock()
            let handled = Record<String>()
            try await whileRunning(2, clock) { holdfast in
                holdfast.handle(holdfast.queue("q", of: String.self)) { text, _ in
                    handled.add(text)
                    return .commit
                }
            } _: { _, holdfast in
                let queue = holdfast.queue("q", of: String.self)
                for text in ["a", "b"] {
                    try await queue.send(text, id: text)
                    await clock.advance(by: .zero)
                    #expect(handled.all.last == text)
                }
            }
        }
    }
}

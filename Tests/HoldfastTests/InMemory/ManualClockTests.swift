import Foundation
import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A clock that a test sets")
struct ManualClockTests {
    @Test("begins each tick at its instant, on one of the instances, and is through with it when it returns")
    func ticks() async throws {
        let clock = ManualClock()
        let start = clock.date
        let ticks = Record<Date>()
        try await whileRunning(2, clock) { holdfast in
            holdfast.add(worker: "checker", .every(.seconds(600))) { tick in
                #expect(clock.date == tick.nominal)
                ticks.add(tick.nominal)
            }
        } _: { _, _ in
            await clock.advance(by: .seconds(599))
            #expect(ticks.count == 0)
            await clock.advance(by: .seconds(1))
            #expect(ticks.count == 1)
            await clock.advance(by: .seconds(1800))
            #expect(ticks.all == (1...4).map { start + TimeInterval($0) * 600 })
        }
    }

    @Test("goes by the time zone of a cron expression")
    func cron() async throws {
        // 2026-03-28T04:30:00Z, the day before Berlin's clocks are set an hour on.
        let clock = ManualClock(start: Date(timeIntervalSince1970: 1_774_672_200))
        let ticks = Record<Date>()
        let schedule = try Schedule.cron("0 6 * * *", in: #require(TimeZone(identifier: "Europe/Berlin")))
        try await whileRunning(1, clock) { holdfast in
            holdfast.add(worker: "report", schedule) { ticks.add($0.nominal) }
        } _: { _, _ in
            await clock.advance(by: .seconds(86_400))
        }
        // 05:00 UTC, and 04:00 UTC in summer time.
        #expect(ticks.all == [1_774_674_000, 1_774_756_800].map { Date(timeIntervalSince1970: $0) })
    }

    @Test("hands a message out when its time has come, and again when the pause after a failure is over")
    func delays() async throws {
        let clock = ManualClock()
        let start = clock.now
        let attempts = Record<(Int, Duration)>()
        try await whileRunning(1, clock) { holdfast in
            var options = ConsumerOptions()
            options.retry = RetryPolicy(attempts: 3, first: .seconds(60), longest: .seconds(60))
            holdfast.handle(holdfast.queue("q", of: String.self), options: options) { _, delivery in
                attempts.add((delivery.attempt, clock.now - start))
                if delivery.attempt == 1 { throw CancellationError() }
                return .commit { $0.increment("done") }
            }
        } _: { memory, holdfast in
            let queue = holdfast.queue("q", of: String.self)
            try await queue.send("m", id: "a", options: SendOptions(.after(.seconds(600))))
            await clock.advance(by: .seconds(599))
            #expect(attempts.count == 0)
            await clock.advance(by: .seconds(1))
            #expect(attempts.all.map(\.0) == [1])
            await clock.advance(by: .seconds(60))
            #expect(attempts.all.map(\.0) == [1, 2])
            #expect(attempts.all[0].1 == .seconds(600) && attempts.all[1].1 <= .seconds(660))
            let done = await memory.value(at: try queue.effectKey("done"))
            #expect(done == "1")
        }
    }

    @Test("keeps the lease of a run that goes on while it is set on by much more than that")
    func renewal() async throws {
        let clock = ManualClock(patience: .milliseconds(50))
        let gate = Gate()
        let held = Record<Bool>()
        try await whileRunning(2, clock) { holdfast in
            holdfast.add(worker: "slow", .every(.seconds(60))) { tick in
                try await gate.pass()
                held.add(tick.remaining > .zero)
            }
        } _: { _, _ in
            await clock.advance(by: .seconds(600))
            #expect(held.count == 0)
            gate.open()
            // That run, and the newest of the ticks that were missed.
            let isThrough = await eventually {
                await clock.advance(by: .seconds(1))
                return held.count >= 2
            }
            #expect(isThrough && held.all == [true, true])
        }
    }

    @Test("hands the message of an instance that died to another one when its lease is over")
    func takeOver() async throws {
        let clock = ManualClock()
        let attempts = Record<Int>()
        let memory = try InMemoryRedis(clock: clock, logger: .quiet)
        let dead = try memory.holdfast()
        let bench = try QueueBench(dead)
        _ = try await bench.enqueue("a")
        #expect(try await bench.claim(lease: .seconds(30)).claims.count == 1)
        let holdfast = try memory.holdfast()
        holdfast.handle(holdfast.queue("q", of: String.self)) { _, delivery in
            attempts.add(delivery.attempt)
            return .commit
        }
        try await holdfast.whileRunning {
            await clock.advance(by: .seconds(29))
            #expect(attempts.count == 0)
            await clock.advance(by: .seconds(2))
            #expect(attempts.all == [2])
        }
        await dead.close()
    }

    @Test("lets what is done once be forgotten when its retention is over")
    func retention() async throws {
        let clock = ManualClock()
        let holdfast = try Holdfast.inMemory(clock: clock, logger: .quiet)
        let executed = Record<Date>()
        func once() async throws {
            _ = try await holdfast.once("evt", in: "stripe") { _ in
                executed.add(clock.date)
                return 1
            }
        }
        try await once()
        await clock.advance(by: .seconds(7 * 86_400 - 1))
        try await once()
        #expect(executed.count == 1)
        await clock.advance(by: .seconds(1))
        try await once()
        #expect(executed.count == 2)
        await holdfast.close()
    }

    @Test("limits the wait for a lock, and renews the one that is held meanwhile")
    func locks() async throws {
        let clock = ManualClock()
        let memory = try InMemoryRedis(clock: clock, logger: .quiet)
        let (first, second) = (try memory.holdfast(), try memory.holdfast())
        let lease = try await first.acquire("a")
        let refused = Record<HoldfastError.Code?>()
        let waiting = Task {
            let code = await code { _ = try await second.acquire("a", waitingAtMost: .seconds(600)) }
            refused.add(code)
        }
        let isQueued = try await eventually {
            try await first.redis("ZCARD", .string(first.core.keys.key("a", "waiters"))).integer == 1
        }
        #expect(isQueued)
        await clock.advance(by: .seconds(599))
        #expect(refused.count == 0 && lease.isHeld)
        await clock.advance(by: .seconds(1))
        await waiting.value
        #expect(refused.all == [.notAcquired])
        try await lease.release()
        await first.close()
        await second.close()
    }

    @Test("is not set back")
    func backwards() async {
        await #expect(processExitsWith: .failure) { await ManualClock().advance(by: .seconds(-1)) }
    }

    @Test("wakes who sleeps by it at the instant, and throws when the task is cancelled")
    func sleeping() async throws {
        let clock = ManualClock()
        let woken = Record<String>()
        let sleeper = Task {
            try await clock.sleep(for: .seconds(60))
            woken.add("woke")
        }
        let cancelled = Task {
            do { try await clock.sleep(for: .seconds(3600)) } catch { woken.add("cancelled") }
        }
        cancelled.cancel()
        await cancelled.value
        // It may not sleep yet: then it does not matter how far the clock is.
        let isWoken = await eventually {
            await clock.advance(by: .seconds(60))
            return woken.count == 2
        }
        #expect(isWoken && woken.all == ["cancelled", "woke"])
        try await sleeper.value
    }
}

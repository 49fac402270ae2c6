import HoldfastSimulation
import Testing

@Suite struct FaultScheduleTests {
    private static func schedule(_ faults: Fault...) -> FaultSchedule {
        var plan = FaultPlan(seed: 0, instances: 3, kills: 0, pauses: 0)
        plan.faults = faults
        return FaultSchedule(plan)
    }

    private static func situation(
        _ progress: Double, healthy: Set<Int> = [1, 2, 3], tickRunner: Int? = nil
    ) -> FaultSchedule.Situation {
        FaultSchedule.Situation(progress: progress, healthySlots: healthy, tickRunner: tickRunner)
    }

    @Test func `A fault strikes once its moment has come, and only once`() {
        let kill = Fault(.kill, .slot(2), at: 0.3)
        var schedule = Self.schedule(kill)
        #expect(schedule.next(in: Self.situation(0.29)) == nil)
        #expect(schedule.next(in: Self.situation(0.3)) == FaultSchedule.Strike(fault: kill, slot: 2))
        #expect(schedule.next(in: Self.situation(1)) == nil)
        #expect(schedule.pending.isEmpty)
    }

    @Test func `A fault whose victim is down waits and lets the next one pass`() {
        let first = Fault(.kill, .slot(1), at: 0.1)
        let second = Fault(.kill, .slot(2), at: 0.2)
        var schedule = Self.schedule(first, second)
        #expect(schedule.next(in: Self.situation(0.5, healthy: [2, 3]))?.fault == second)
        #expect(schedule.next(in: Self.situation(0.5, healthy: [2, 3])) == nil)
        #expect(schedule.next(in: Self.situation(0.5))?.fault == first)
    }

    @Test func `A pause in a tick finds the one who runs it`() {
        let pause = Fault(.pause, .tickRunner, at: 0.1, pauseInLeases: 2)
        var schedule = Self.schedule(pause)
        #expect(schedule.next(in: Self.situation(0.5)) == nil)
        #expect(schedule.next(in: Self.situation(0.5, healthy: [1, 2], tickRunner: 3)) == nil)
        #expect(schedule.next(in: Self.situation(0.5, tickRunner: 3))?.slot == 3)
    }

    @Test func `A restart of the server needs no instance`() {
        let restart = Fault(.restartRedis, .redis, at: 0.1)
        var schedule = Self.schedule(restart)
        #expect(
            schedule.next(in: Self.situation(0.5, healthy: []))
                == FaultSchedule.Strike(fault: restart, slot: nil))
    }

    @Test func `Work is held back until the last fault has struck`() {
        var schedule = Self.schedule(Fault(.kill, .slot(1), at: 0.2), Fault(.kill, .slot(2), at: 0.5))
        #expect(schedule.feedLimit(total: 1000, margin: 100) == 300)
        _ = schedule.next(in: Self.situation(0.2))
        #expect(schedule.feedLimit(total: 1000, margin: 100) == 600)
        #expect(schedule.feedLimit(total: 1000, margin: 900) == 1000)
        _ = schedule.next(in: Self.situation(0.5))
        #expect(schedule.feedLimit(total: 1000, margin: 100) == 1000)
    }
}

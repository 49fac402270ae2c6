import Foundation
import Testing

@testable import Holdfast

@Suite("A schedule")
struct ScheduleTests {
    @Test(
        "of a fixed rate has its slots at multiples of the period, shifted by the phase",
        arguments: [
            (Schedule.every(.seconds(10)), 25_000, 30_000),
            (.every(.seconds(10)), 20_000, 30_000),
            (.every(.seconds(10), phase: .seconds(3)), 25_000, 33_000),
            (.every(.seconds(10), phase: .seconds(3)), 22_999, 23_000),
            (.every(.seconds(10), phase: .seconds(23)), 25_000, 33_000),
            (.every(.seconds(10), phase: .seconds(-7)), 25_000, 33_000),
            (.every(.milliseconds(1)), 7, 8),
            (.every(.seconds(10)), -1, 0),
            (.after(.seconds(10)), 25_001, 35_001),
            (.cron("*/10 * * * * *"), 25_001, 30_000),
            (.cron("*/10 * * * * *"), 29_999, 30_000),
            (.cron("*/10 * * * * *"), 30_000, 40_000),
        ] as [(Schedule, Int64, Int64)])
    func slots(schedule: Schedule, cursor: Int64, next: Int64) {
        #expect(Timetable(schedule, worker: "w").first(after: cursor) == next)
    }

    @Test(
        "tells the newest of the ticks that are due",
        arguments: [
            (Schedule.every(.seconds(10)), 0, 25_000, 20_000),
            (.every(.seconds(10)), 20_000, 25_000, nil),
            (.every(.seconds(10)), 20_000, 30_000, 30_000),
            (.after(.seconds(10)), 3_000, 90_000, 13_000),
            (.after(.seconds(10)), 3_000, 12_999, nil),
            (.cron("*/10 * * * * *"), 0, 25_999, 20_000),
            (.cron("@yearly"), 0, 1_790_000_000_000, 1_767_225_600_000),
            (.cron("0 0 29 2 *"), 0, 1_790_000_000_000, 1_709_164_800_000),
        ] as [(Schedule, Int64, Int64, Int64?)])
    func newest(schedule: Schedule, cursor: Int64, now: Int64, newest: Int64?) {
        #expect(Timetable(schedule, worker: "w").newestDue(after: cursor, at: now) == newest)
    }

    @Test("spreads workers of one period over it, each always by the same phase")
    func spread() {
        let schedule = Schedule.every(.seconds(600), spread: true)
        let phases = (0..<200).map { Timetable(schedule, worker: "worker-\($0)").first(after: 0) ?? 0 }
        #expect(phases.allSatisfy { (1...600_000).contains($0) })
        #expect(Set(phases.map { $0 / 60_001 }).count == 10, "every minute has some")
        // Stored nowhere: it must never change.
        #expect(Timetable(schedule, worker: "worker-0").first(after: 0) == phases[0])
        #expect(StableHash.of("worker-0") == StableHash.of("worker-" + "0"))
        #expect(StableHash.of("") == StableHash.mixed(0xCBF2_9CE4_8422_2325))
    }

    @Test(
        "lets each tick begin later by its jitter, before the next one, the same for all who ask",
        arguments: [
            Schedule.every(.seconds(10), jitter: .seconds(4)), .every(.seconds(10), jitter: .seconds(60)),
            .cron("*/10 * * * * *", jitter: .seconds(4)), .after(.seconds(10), jitter: .seconds(4)),
        ])
    func jitter(schedule: Schedule) {
        let timetable = Timetable(schedule, worker: "w")
        let most = min(schedule.jitter, 9_999)
        var late: [Int64] = []
        for nominal in stride(from: Int64(0), to: 10_000_000, by: 10_000) {
            let due = timetable.due(nominal)
            late.append(due - nominal)
            #expect(due == Timetable(schedule, worker: "w").due(nominal))
            if !schedule.followsRuns {
                #expect(timetable.newestDue(after: nominal - 1, at: due - 1) == nil)
                #expect(timetable.newestDue(after: nominal - 1, at: due) == nominal)
            }
        }
        #expect(late.allSatisfy { (0...most).contains($0) })
        #expect(late.contains { $0 < most / 10 } && late.contains { $0 > most * 9 / 10 })
        #expect(Timetable(schedule, worker: "v").due(10_000) != timetable.due(10_000))
    }

    @Test(
        "begins with the next tick, or with the one that is due already",
        arguments: [
            (Schedule.every(.seconds(10)), 30_000), (.after(.seconds(10)), 35_000),
            (.cron("* * * * *"), 60_000), (.every(.seconds(10), runOnStart: true), 20_000),
            (.after(.seconds(10), runOnStart: true), 25_000),
            (.cron("* * * * *", runOnStart: true), 0),
            (.cron("0 0 1 1 *", runOnStart: true), 0),
        ] as [(Schedule, Int64)])
    func beginning(schedule: Schedule, first: Int64) {
        let timetable = Timetable(schedule, worker: "w")
        #expect(timetable.first(after: timetable.beginning(at: 25_000)) == first)
    }

    @Test("refuses a length below a millisecond, and an expression that cannot be read")
    func unusable() async {
        await #expect(processExitsWith: .failure) { _ = Schedule.every(.microseconds(999)) }
        await #expect(processExitsWith: .failure) { _ = Schedule.after(.zero) }
        await #expect(processExitsWith: .failure) { _ = Schedule.cron("61 * * * *") }
    }
}

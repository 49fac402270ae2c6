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

    @Test(
        "that other instances could not read from Redis is refused, and has no next instant",
        arguments: [
            (Schedule.every(.microseconds(999)), "from 1ms to 876600h, not 0ms"),
            (.after(.seconds(-1)), "its length is a duration"),
            (.every(.seconds(1), jitter: .seconds(-1)), "jitter is a duration"),
            (.cron("@daily", in: TimeZone(identifier: "EST") ?? .gmt), "\"EST\" is not the full name"),
        ])
    func unusable(schedule: Schedule, reason: String) {
        let error = #expect(throws: HoldfastError.self) { try schedule.validate() }
        #expect(error?.code == .invalidArgument && error?.message.contains(reason) == true)
        #expect(schedule.next(after: Date(timeIntervalSince1970: 0)) == nil)
    }

    @Test("of an expression that cannot be read stops the program")
    func unreadable() async {
        await #expect(processExitsWith: .failure) { _ = Schedule.cron("61 * * * *") }
    }

    @Test(
        "shows its next instants, without jitter, from one to the other",
        arguments: [
            (Schedule.every(.seconds(600), jitter: .seconds(60)), ["12:10:00", "12:20:00"]),
            (.every(.seconds(600), phase: .seconds(90)), ["12:01:30", "12:11:30"]),
            (.after(.seconds(90), runOnStart: true), ["12:01:30", "12:03:00"]),
            (
                .cron("0 3 * * *", in: TimeZone(identifier: "Europe/Berlin") ?? .gmt),
                ["01:00:00", "01:00:00"]
            ),
        ])
    func next(schedule: Schedule, expected: [String]) throws {
        // Noon of the day before clocks are set forward in Berlin.
        var date = try Date("2026-03-28T12:00:00Z", strategy: .iso8601)
        for time in expected {
            date = try #require(schedule.next(after: date))
            #expect(date.formatted(.iso8601).contains("T\(time)Z"))
        }
    }

    @Test("shows every millisecond once, and the phase of a worker's name where that is given")
    func nextOfAll() throws {
        var date = Date(timeIntervalSince1970: 1_767_225_600.123)
        for millisecond in 124...1_200 {
            date = try #require(Schedule.every(.milliseconds(1)).next(after: date))
            #expect((date.timeIntervalSince1970 * 1000).rounded() == 1_767_225_600_000 + Double(millisecond))
        }
        let spread = Schedule.every(.seconds(600), spread: true)
        let start = Date(timeIntervalSince1970: 0)
        #expect(spread.next(after: start) == Schedule.every(.seconds(600)).next(after: start))
        let first = Timetable(spread, worker: "w").first(after: 0).map(Date.init(serverTime:))
        #expect(spread.next(after: start, for: "w") == first)
        for date in [Date.distantPast, .distantFuture, Date(timeIntervalSince1970: .infinity)] {
            _ = spread.next(after: date)
            _ = Schedule.cron("@daily").next(after: date)
        }
        #expect(spread.next(after: Date(timeIntervalSince1970: .nan)) == nil)
    }
}

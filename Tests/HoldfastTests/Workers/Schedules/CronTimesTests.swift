import Foundation
import RedisTestRig
import Testing

@testable import Holdfast

/// Checked against an independent reading of the rules: a walk over every minute that remembers what the clock
/// on the wall has shown.
@Suite("The times of a cron expression in a time zone")
struct CronTimesTests {
    /// Zones whose clocks are moved by an hour, by half an hour, at midnight, by a whole day, and never.
    private static let zones = [
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu",
        "Africa/Casablanca", "America/St_Johns", "Pacific/Apia", "GMT",
    ]
    /// 2011, which has the day that Samoa left out, and 2026.
    private static let years: [Int64] = [1_293_840_000, 1_767_225_600]

    /// A minute of a wall clock, as the expressions are read by hand.
    private struct Minute {
        let minute: Int64
        let hour: Int64
        let date: CivilDate

        init(wall: Int64) {
            minute = wall / 60 % 60
            hour = wall / 3600 % 24
            date = CivilDate(day: wall / 86_400)
        }
    }

    private struct Reading: Sendable {
        let text: String
        let isHourly: Bool
        let names: @Sendable (Minute) -> Bool

        init(_ text: String, hourly: Bool = false, _ names: @escaping @Sendable (Minute) -> Bool) {
            self.text = text
            isHourly = hourly
            self.names = names
        }
    }

    private static let readings = [
        Reading("30 2 * * *") { $0.hour == 2 && $0.minute == 30 },
        Reading("0 2 * * *") { $0.hour == 2 && $0.minute == 0 },
        Reading("0 3 * * *") { $0.hour == 3 && $0.minute == 0 },
        Reading("*/10 2 * * *") { $0.hour == 2 && $0.minute % 10 == 0 },
        Reading("*/20 1-3 * * *") { (1...3).contains($0.hour) && $0.minute % 20 == 0 },
        Reading("0 0 * * *") { $0.hour == 0 && $0.minute == 0 },
        Reading("59 23 * * *") { $0.hour == 23 && $0.minute == 59 },
        Reading("0 */2 * * *") { $0.hour % 2 == 0 && $0.minute == 0 },
        Reading("15 0,1 * * sun") { $0.hour < 2 && $0.minute == 15 && $0.date.weekday == 0 },
        Reading("0 12 31 12 *") { $0.hour == 12 && $0.minute == 0 && $0.date.day == (31, 12) },
        Reading("0 3 25 * sat") {
            $0.hour == 3 && $0.minute == 0 && ($0.date.dayOfMonth == 25 || $0.date.weekday == 6)
        },
        Reading("5 * 30 12 *", hourly: true) { $0.minute == 5 && $0.date.day == (30, 12) },
        Reading("*/15 * * * *", hourly: true) { $0.minute % 15 == 0 },
        Reading("7 * * * *", hourly: true) { $0.minute == 7 },
        Reading("30 0-23 * * *", hourly: true) { $0.minute == 30 },
    ]

    /// What the wall clock of a zone shows in each minute of a range, by Foundation.
    private func walls(_ zone: TimeZone, _ range: Range<Int64>) -> [(instant: Int64, wall: Int64)] {
        stride(from: range.lowerBound, to: range.upperBound, by: 60).map { instant in
            let date = Date(timeIntervalSince1970: Double(instant))
            return (instant, instant + Int64(zone.secondsFromGMT(for: date)))
        }
    }

    /// The instants that are named, of all but the first of the walls.
    private func walked(_ reading: Reading, _ walls: [(instant: Int64, wall: Int64)]) -> [Int64] {
        var named: [Int64] = []
        var newest = walls[0].wall
        for (before, now) in zip(walls, walls.dropFirst()) {
            var isTick = reading.names(Minute(wall: now.wall))
            if !reading.isHourly {
                isTick = isTick && now.wall > newest
                for skipped in stride(from: before.wall + 60, to: now.wall, by: 60)
                where reading.names(Minute(wall: skipped)) { isTick = true }
            }
            if isTick { named.append(now.instant) }
            newest = max(newest, now.wall)
        }
        return named
    }

    /// Around each move of the clock in a year, and around its beginning.
    private func ranges(_ zone: TimeZone, from start: Int64) -> [Range<Int64>] {
        var middles = [start]
        while let move = zone.nextDaylightSavingTimeTransition(
            after: Date(timeIntervalSince1970: Double(middles[middles.count - 1]))),
            move.timeIntervalSince1970 < Double(start) + 366 * 86_400
        { middles.append(Int64(move.timeIntervalSince1970)) }
        return middles.map { $0 - 86_400..<$0 + 86_400 }
    }

    @Test("are those that a walk over every minute finds", arguments: zones)
    func walk(zone: String) throws {
        let zone = try #require(TimeZone(identifier: zone))
        for range in Self.years.flatMap({ ranges(zone, from: $0) }) {
            // Enough before the range to know what the clock has shown.
            let walls = walls(zone, range.lowerBound - 86_400..<range.upperBound)
            for reading in Self.readings {
                let expected = walked(reading, walls).filter { $0 > range.lowerBound }
                let times = CronTimes(expression: try CronExpression(reading.text), timeZone: zone)
                var found: [Int64] = []
                var cursor = range.lowerBound
                while let next = times.first(after: cursor), next < range.upperBound {
                    found.append(next)
                    cursor = next
                }
                #expect(found == expected, "\(reading.text) around \(range.lowerBound + 86_400)")
                // The search from any instant, not only from a tick, and the newest tick before any instant.
                let timetable = Timetable(Schedule(.cron(times), jitter: 0, runsOnStart: false), worker: "w")
                var random = SeededGenerator(seed: UInt64(range.lowerBound))
                for instant in (0..<5).map({ _ in Int64.random(in: range, using: &random) }) + found {
                    let next = times.first(after: instant)
                    #expect(found.first { $0 > instant } == next.flatMap { $0 < range.upperBound ? $0 : nil })
                    let newest = timetable.newestDue(
                        after: range.lowerBound * 1000, at: instant * 1000 + 999)
                    #expect(found.last { $0 <= instant } == newest.map { $0 / 1000 })
                }
            }
        }
    }

    private func times(_ expression: String, from start: String, count: Int) throws -> [String] {
        let zone = try #require(TimeZone(identifier: "Europe/Berlin"))
        let times = CronTimes(expression: try CronExpression(expression), timeZone: zone)
        var cursor = Int64(try Date(start, strategy: .iso8601).timeIntervalSince1970)
        return (0..<count).map { _ in
            cursor = times.first(after: cursor) ?? 0
            return Date(timeIntervalSince1970: Double(cursor)).formatted(.iso8601)
        }
    }

    @Test("come once where the clock skips them, at the instant at which it is moved")
    func forward() throws {
        // 02:00 to 03:00 did not exist on 2026-03-29.
        #expect(
            try times("30 2 * * *", from: "2026-03-28T12:00:00Z", count: 2)
                == ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"])
        #expect(
            try times("0,30 2,3 * * *", from: "2026-03-28T12:00:00Z", count: 3)
                == ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"])
        #expect(
            try times("*/30 * * * *", from: "2026-03-29T00:00:00Z", count: 3)
                == ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"])
    }

    @Test("come once where the clock shows them twice, unless every hour is named")
    func back() throws {
        // 02:00 to 03:00 came twice on 2026-10-25.
        #expect(
            try times("30 2 * * *", from: "2026-10-24T12:00:00Z", count: 2)
                == ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"])
        #expect(
            try times("30 * * * *", from: "2026-10-25T00:00:00Z", count: 3)
                == ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"])
    }

    @Test("are found from any instant that a server may tell", arguments: [0, 1, 1 << 43, (1 << 53) / 1000])
    func extremes(instant: Int64) throws {
        for zone in Self.zones {
            let zone = try #require(TimeZone(identifier: zone))
            let times = CronTimes(expression: try CronExpression("30 2 29 2 *"), timeZone: zone)
            #expect(times.first(after: instant).map { $0 > instant } != false)
        }
    }
}

extension CivilDate {
    fileprivate var day: (Int, Int) { (dayOfMonth, month) }
}

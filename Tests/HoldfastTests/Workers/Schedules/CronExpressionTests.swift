import Foundation
import Testing

@testable import Holdfast

@Suite("A cron expression")
struct CronExpressionTests {
    /// The first times it names from 2026-01-01 00:00 on, a Thursday.
    private func times(_ expression: String, _ count: Int) throws -> [String] {
        let expression = try CronExpression(expression)
        var times: [String] = []
        var time = CivilTime(seconds: 1_767_225_600)
        while times.count < count, let next = expression.next(notBefore: time) {
            let date = Date(timeIntervalSince1970: Double(next.seconds))
            times.append(date.formatted(.iso8601))
            time = CivilTime(seconds: next.seconds + 1)
        }
        return times.map { $0.replacing("T", with: " ").replacing("Z", with: "") }
    }

    @Test(
        "names the times it should",
        arguments: [
            ("30 2 * * *", ["2026-01-01 02:30:00", "2026-01-02 02:30:00"]),
            ("15 30 2 * * *", ["2026-01-01 02:30:15", "2026-01-02 02:30:15"]),
            ("*/25 * * * *", ["2026-01-01 00:00:00", "2026-01-01 00:25:00", "2026-01-01 00:50:00"]),
            ("50/5 4 * * *", ["2026-01-01 04:50:00", "2026-01-01 04:55:00", "2026-01-02 04:50:00"]),
            ("0 8-18/5 * * *", ["2026-01-01 08:00:00", "2026-01-01 13:00:00", "2026-01-01 18:00:00"]),
            ("0 22-4/3 * * *", ["2026-01-01 01:00:00", "2026-01-01 04:00:00", "2026-01-01 22:00:00"]),
            ("5,10 0 1 1,jul *", ["2026-01-01 00:05:00", "2026-01-01 00:10:00", "2026-07-01 00:05:00"]),
            ("0 0 * * Sun", ["2026-01-04 00:00:00", "2026-01-11 00:00:00"]),
            ("0 0 * * 7", ["2026-01-04 00:00:00", "2026-01-11 00:00:00"]),
            ("0 0 * * fri-mon", ["2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-04 00:00:00"]),
            ("0 0 * * 5-7", ["2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-04 00:00:00"]),
            ("0 0 * * 0-7", ["2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-01-03 00:00:00"]),
            ("0 0 * * SUN-7", ["2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-01-03 00:00:00"]),
            ("0 0 * * sun-Sat", ["2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-01-03 00:00:00"]),
            ("0 0 * * 7-7", ["2026-01-04 00:00:00", "2026-01-11 00:00:00"]),
            ("0 0 * * 7-0", ["2026-01-04 00:00:00", "2026-01-11 00:00:00"]),
            ("0 0 * * 7-2", ["2026-01-04 00:00:00", "2026-01-05 00:00:00", "2026-01-06 00:00:00"]),
            ("0 0 * * sat-sun", ["2026-01-03 00:00:00", "2026-01-04 00:00:00", "2026-01-10 00:00:00"]),
            ("0 0 * * 1-7/2", ["2026-01-02 00:00:00", "2026-01-04 00:00:00", "2026-01-05 00:00:00"]),
            ("0 0 * * 0-7/2", ["2026-01-01 00:00:00", "2026-01-03 00:00:00", "2026-01-04 00:00:00"]),
            ("0 0 * * 7/3", ["2026-01-03 00:00:00", "2026-01-04 00:00:00", "2026-01-07 00:00:00"]),
            ("0 0 1 NOV-feb *", ["2026-01-01 00:00:00", "2026-02-01 00:00:00", "2026-11-01 00:00:00"]),
            ("58-1 0 1 1 *", ["2026-01-01 00:00:00", "2026-01-01 00:01:00", "2026-01-01 00:58:00"]),
            ("0\t0  *\n* *\r\n", ["2026-01-01 00:00:00", "2026-01-02 00:00:00"]),
            ("0 0 ? * mon", ["2026-01-05 00:00:00"]),
            ("0 0 13 * fri", ["2026-01-02 00:00:00", "2026-01-09 00:00:00", "2026-01-13 00:00:00"]),
            ("0 0 */2 * mon", ["2026-01-05 00:00:00", "2026-01-19 00:00:00"]),
            ("0 0 31 * *", ["2026-01-31 00:00:00", "2026-03-31 00:00:00", "2026-05-31 00:00:00"]),
            ("0 0 29 2 *", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
            ("@yearly", ["2026-01-01 00:00:00", "2027-01-01 00:00:00"]),
            ("@monthly", ["2026-01-01 00:00:00", "2026-02-01 00:00:00"]),
            ("@weekly", ["2026-01-04 00:00:00", "2026-01-11 00:00:00"]),
            ("@daily", ["2026-01-01 00:00:00", "2026-01-02 00:00:00"]),
            ("@Midnight", ["2026-01-01 00:00:00", "2026-01-02 00:00:00"]),
            ("@hourly", ["2026-01-01 00:00:00", "2026-01-01 01:00:00"]),
        ])
    func names(expression: String, expected: [String]) throws {
        #expect(try times(expression, expected.count) == expected)
    }

    @Test(
        "that cannot be read, or that no date fits, is refused",
        arguments: [
            "", "*", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *",
            "* * * 0 *", "* * * 13 *", "* * * * 8", "* * * * 0-8", "* * * * */8", "*/0 * * * *",
            "*/61 * * * *", "*/ * * * *", "1- * * * *",
            "-1 * * * *", "1,,2 * * * *", ", * * * *", "a * * * *", "* * * mon *", "* * * * jan",
            "1/2/3 * * * *", "1-2-3 * * * *", "+1 * * * *", "１ * * * *", "001 * * * *", "**/2 * * * *",
            "?/2 * * * *",
            "0 0 30 2 *", "0 0 31 4,6,9,11 *", "@every", "@reboot", "@daily 1", "60 0 0 * * *",
        ])
    func refused(expression: String) {
        #expect(throws: CronError.self) { try CronExpression(expression) }
    }

    @Test("reads dates as the Gregorian calendar has them, for four hundred years and before 1970")
    func dates() {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        for day in stride(from: Int64(-25_000), to: 146_097, by: 1) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400)
            // Asking the calendar is slow: the ends of February and of the year, and a sample of the others.
            guard day % 61 == 0 || (day % 365 + 365) % 365 < 1 || isAroundFebruary(day) else { continue }
            let parts = calendar.dateComponents([.month, .day, .weekday], from: date)
            let civil = CivilDate(day: day)
            let isSame =
                civil.month == parts.month && civil.dayOfMonth == parts.day
                && civil.weekday + 1 == parts.weekday
            if !isSame { Issue.record("day \(day): \(civil), not \(parts)") }
        }
    }

    private func isAroundFebruary(_ day: Int64) -> Bool {
        let date = CivilDate(day: day)
        return (date.month == 2 && date.dayOfMonth >= 27) || (date.month == 3 && date.dayOfMonth <= 2)
    }
}

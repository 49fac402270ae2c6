import Foundation

/// Dates as text: ISO 8601 in the form of RFC 3339, written in UTC.
///
/// A `Date` is a binary number of seconds since 2001. Nine digits behind the second come nearer to it than the next such
/// number is, but in the 97 days around the year's beginning (2²³ s), where these numbers lie closer together. So the
/// text reads back as the same number.
enum Timestamp {
    private static let secondsPerDay: Int64 = 86_400
    /// 2001-01-01, in days since 1970-01-01.
    private static let referenceDay: Int64 = 11_323
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000

    // MARK: Writing

    /// Nil for a date that is not within the years 0 to 9999.
    static func text(of date: Date) -> String? {
        let time = date.timeIntervalSinceReferenceDate
        guard time.magnitude < 1e12 else { return nil }
        for (digits, unit) in [(3, 1_000_000), (6, 1000), (9, 1)] as [(Int, Int64)] {
            let (seconds, nanoseconds) = rounded(time, to: unit)
            if digits == 9 || value(seconds, nanoseconds) == time {
                return text(seconds, nanoseconds / unit, digits: digits)
            }
        }
        return nil
    }

    /// Whole seconds, and the nanoseconds after them as a multiple of `unit`.
    private static func rounded(_ time: Double, to unit: Int64) -> (Int64, Int64) {
        let seconds = time.rounded(.down)
        let nanoseconds =
            Int64(((time - seconds) * Double(nanosecondsPerSecond / unit)).rounded()) * unit
        return nanoseconds < nanosecondsPerSecond
            ? (Int64(seconds), nanoseconds) : (Int64(seconds) + 1, 0)
    }

    private static func value(_ seconds: Int64, _ nanoseconds: Int64) -> Double {
        Double(seconds) + Double(nanoseconds) / Double(nanosecondsPerSecond)
    }

    private static func text(_ seconds: Int64, _ fraction: Int64, digits: Int) -> String? {
        let day = CivilDate(day: seconds.floorDivided(by: secondsPerDay) + referenceDay)
        guard 0...9999 ~= day.year else { return nil }
        let second = seconds.modulo(secondsPerDay)
        var text: [UInt8] = []
        text.reserveCapacity(30)
        func append(_ number: Int64, _ digits: Int, _ end: Unicode.Scalar) {
            var (rest, place) = (number, text.count + digits)
            text += repeatElement(UInt8(ascii: "0"), count: digits)
            text.append(UInt8(ascii: end))
            while rest > 0 {
                place -= 1
                text[place] += UInt8(rest % 10)
                rest /= 10
            }
        }
        append(day.year, 4, "-")
        append(Int64(day.month), 2, "-")
        append(Int64(day.dayOfMonth), 2, "T")
        append(second / 3600, 2, ":")
        append(second / 60 % 60, 2, ":")
        append(second % 60, 2, ".")
        append(fraction, digits, "Z")
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: Reading

    /// Nil for a text that is no instant: also for one that does not tell its offset from UTC.
    static func date(in text: String) -> Date? {
        var rest = Text(rest: text.utf8[...])
        guard let year = rest.number(4), rest.take("-"), let month = rest.number(2), rest.take("-"),
            let day = rest.number(2), rest.take("T", "t", " "),
            let hour = rest.number(2), hour < 24, rest.take(":"), let minute = rest.number(2), minute < 60,
            rest.take(":"), let second = rest.number(2), second <= 60
        else { return nil }
        var nanoseconds: Int64 = 0
        if rest.take(".", ",") {
            guard let read = rest.fraction() else { return nil }
            nanoseconds = read
        }
        guard let offset = rest.offset(), rest.isAtEnd,
            let days = CivilDate.day(year: year, month: month, dayOfMonth: day)
        else { return nil }
        let seconds = (days - referenceDay) * secondsPerDay + hour * 3600 + minute * 60 + second - offset
        return Date(timeIntervalSinceReferenceDate: value(seconds, nanoseconds))
    }

    private struct Text {
        var rest: Substring.UTF8View

        var isAtEnd: Bool { rest.isEmpty }

        mutating func take(_ characters: Unicode.Scalar...) -> Bool {
            guard let first = rest.first, characters.contains(Unicode.Scalar(first)) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func digit() -> Int64? {
            guard let first = rest.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= first else { return nil }
            rest.removeFirst()
            return Int64(first - UInt8(ascii: "0"))
        }

        /// Of so many digits.
        mutating func number(_ count: Int) -> Int64? {
            var number: Int64 = 0
            for _ in 0..<count {
                guard let digit = digit() else { return nil }
                number = number * 10 + digit
            }
            return number
        }

        /// In nanoseconds, of at least one digit; those behind the ninth do not count.
        mutating func fraction() -> Int64? {
            guard var number = digit() else { return nil }
            var count = 1
            while let digit = digit() {
                if count < 9 { number = number * 10 + digit }
                count += 1
            }
            for _ in min(count, 9)..<9 { number *= 10 }
            return number
        }

        /// From UTC, in seconds: `Z`, `+02:00`, `+0200`, `+02`.
        mutating func offset() -> Int64? {
            if take("Z", "z") { return 0 }
            let isBehind = take("-")
            guard isBehind || take("+"), let hours = number(2), hours < 24 else { return nil }
            var minutes: Int64 = 0
            if take(":") || !isAtEnd {
                guard let read = number(2), read < 60 else { return nil }
                minutes = read
            }
            return (hours * 3600 + minutes * 60) * (isBehind ? -1 : 1)
        }
    }
}

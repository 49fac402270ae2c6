/// A time as a clock on a wall shows it, in whole seconds since 1970-01-01 00:00 on that clock. No time zone.
struct CivilTime: Hashable, Comparable, Sendable {
    static let secondsPerDay: Int64 = 86_400

    let seconds: Int64

    init(seconds: Int64) {
        self.seconds = seconds
    }

    /// Days since 1970-01-01.
    var day: Int64 { seconds.floorDivided(by: Self.secondsPerDay) }
    var secondOfDay: Int { Int(seconds.modulo(Self.secondsPerDay)) }

    static func < (one: CivilTime, other: CivilTime) -> Bool { one.seconds < other.seconds }
}

/// A date of the Gregorian calendar.
struct CivilDate: Hashable, Sendable {
    let year: Int64
    /// 1 to 12.
    let month: Int
    /// 1 to 31.
    let dayOfMonth: Int
    /// 0 to 6, Sunday is 0.
    let weekday: Int

    /// - Parameter day: days since 1970-01-01, which was a Thursday.
    init(day: Int64) {
        // Counted from 1 March of a year that 400 divides, leap days come last: in a year, in 4, in 100 and in
        // 400 years.
        let sinceMarch = day + 719_468
        let era = sinceMarch.floorDivided(by: 146_097)
        let dayOfEra = sinceMarch.modulo(146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // From March on, months have 31, 30, 31, 30, 31 days, again and again: 153 days in five.
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        dayOfMonth = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        weekday = Int((day + 4).modulo(7))
    }

    /// Days since 1970-01-01; nil if there is no such day.
    static func day(year: Int64, month: Int64, dayOfMonth: Int64) -> Int64? {
        guard 1...12 ~= month, 1...31 ~= dayOfMonth else { return nil }
        let marchYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = (marchYear.floorDivided(by: 400), marchYear.modulo(400))
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + dayOfMonth - 1
        let day = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        // The 31st of a short month is a day of the next one.
        return CivilDate(day: day).dayOfMonth == dayOfMonth ? day : nil
    }
}

extension Int64 {
    /// The remainder that is never negative.
    func modulo(_ divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }

    /// The quotient, rounded down.
    func floorDivided(by divisor: Int64) -> Int64 {
        (self - modulo(divisor)) / divisor
    }
}

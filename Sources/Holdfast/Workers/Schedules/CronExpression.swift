/// A cron expression: which times on a wall clock it names. Without a time zone; ``CronTimes`` adds it.
///
/// Five fields (minute, hour, day of the month, month, weekday), or six with the second in front. Where both
/// the day of the month and the weekday are restricted, a day that fits either is named, as in every cron since
/// Vixie's. A field that begins with `*` or `?` does not restrict: `*/2` of the days and `mon` must both fit.
struct CronExpression: Hashable, Sendable {
    private static let nicknames = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]
    /// A named day comes after 8 years at the latest, or after 40 where it must also be a given weekday.
    private static let horizon: Int64 = 366 * 50

    /// As it was written, with single spaces for blanks of any kind.
    let text: String
    private let second: CronField
    private let minute: CronField
    private let hour: CronField
    private let dayOfMonth: CronField
    private let month: CronField
    private let weekday: CronField

    init(_ text: String) throws(CronError) {
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        let text = words.joined(separator: " ")
        self.text = text
        var fields = words.map { $0[...] }
        if words.count == 1, words[0].hasPrefix("@") {
            guard let meaning = Self.nicknames[words[0].lowercased()] else {
                throw CronError(
                    "\(words[0]) is not one of \(Self.nicknames.keys.sorted().joined(separator: ", "))")
            }
            fields = meaning.split(separator: " ")
        }
        guard fields.count == 5 || fields.count == 6 else {
            throw CronError(
                "a cron expression has 5 fields, or 6 with seconds; \"\(text)\" has \(fields.count)")
        }
        second = fields.count == 6 ? try CronField(fields.removeFirst(), .second) : .only(0)
        minute = try CronField(fields[0], .minute)
        hour = try CronField(fields[1], .hour)
        dayOfMonth = try CronField(fields[2], .dayOfMonth)
        month = try CronField(fields[3], .month)
        weekday = try CronField(fields[4], .weekday)
        guard next(notBefore: CivilTime(seconds: 0)) != nil else {
            throw CronError("no date ever matches \"\(text)\"")
        }
    }

    /// Whether it names times in every hour, so that the hour does not restrict it.
    var isHourly: Bool { hour.values == 0xFF_FFFF }

    /// The first time it names that is not before `time`.
    func next(notBefore time: CivilTime) -> CivilTime? {
        var earliest = time.secondOfDay
        for day in time.day..<time.day + Self.horizon {
            if names(CivilDate(day: day)), let second = secondOfDay(notBefore: earliest) {
                return CivilTime(seconds: day * CivilTime.secondsPerDay + Int64(second))
            }
            earliest = 0
        }
        return nil
    }

    private func names(_ date: CivilDate) -> Bool {
        guard month.contains(date.month) else { return false }
        let fitsDay = dayOfMonth.contains(date.dayOfMonth)
        let fitsWeekday = weekday.contains(date.weekday)
        return dayOfMonth.isOpen || weekday.isOpen ? fitsDay && fitsWeekday : fitsDay || fitsWeekday
    }

    private func secondOfDay(notBefore earliest: Int) -> Int? {
        var start = (hour: earliest / 3600, minute: earliest / 60 % 60, second: earliest % 60)
        while let hour = hour.first(notBelow: start.hour) {
            if hour > start.hour { start = (hour, 0, 0) }
            while let minute = minute.first(notBelow: start.minute) {
                if minute > start.minute { start = (hour, minute, 0) }
                if let second = second.first(notBelow: start.second) {
                    return hour * 3600 + minute * 60 + second
                }
                start = (hour, minute + 1, 0)
            }
            start = (hour + 1, 0, 0)
        }
        return nil
    }
}

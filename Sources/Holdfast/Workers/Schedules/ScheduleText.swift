import Foundation
import RedisLink

/// The text of a schedule, as Redis keeps it, operators see it and configuration files may contain it:
///
///     every 10m
///     every 1h phase 5m spread jitter 30s on-start
///     after 60s
///     cron 30 2 * * mon-fri in Europe/Berlin
///
/// Durations are whole numbers of `ms`, `s`, `m` or `h`, up to a hundred years. Options may come in any
/// order, with any kind of blanks between the words. The word `cron` may be left out.
extension Schedule: LosslessStringConvertible {
    /// Nil if the text is not a schedule. ``parse(_:)`` says why.
    public init?(_ description: String) {
        guard let schedule = try? Self.parse(description) else { return nil }
        self = schedule
    }

    /// Reads what ``description`` writes.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/invalidArgument``, with what is wrong.
    public static func parse(_ text: String) throws -> Schedule { try read(text) }

    static func read(_ text: String) throws(HoldfastError) -> Schedule {
        var words = ScheduleWords(text)
        do throws(CronError) {
            return try words.schedule()
        } catch {
            throw HoldfastError(.invalidArgument, "the schedule \"\(text)\" cannot be used: \(error)")
        }
    }

    /// The schedule as text, which ``parse(_:)`` reads: `every 10m`, `cron 30 2 * * *`.
    public var description: String {
        var words: [String]
        switch timing {
        case .rate(let period, let phase):
            words = ["every", Self.text(period)]
            if phase != 0 { words += ["phase", Self.text(phase)] }
        case .delay(let delay): words = ["after", Self.text(delay)]
        case .cron(let times):
            words = ["cron", times.expression.text]
            if times.timeZone != .gmt { words += ["in", times.timeZone.identifier] }
        }
        if isSpread { words.append("spread") }
        if jitter != 0 { words += ["jitter", Self.text(jitter)] }
        if runsOnStart { words.append("on-start") }
        return words.joined(separator: " ")
    }

    private static func text(_ milliseconds: Int64) -> String {
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
        where milliseconds.isMultiple(of: size) && milliseconds != 0 {
            return "\(milliseconds / size)\(unit)"
        }
        return "\(milliseconds)ms"
    }
}

/// Takes the words of a schedule's text one by one.
private struct ScheduleWords {
    private static let options: Set<String> = ["phase", "spread", "jitter", "on-start", "in"]

    private var words: ArraySlice<String>

    init(_ text: String) {
        words = text.split(whereSeparator: \.isWhitespace).map(String.init)[...]
    }

    /// `every`, `after` or `cron`.
    private mutating func kind() throws(CronError) -> String {
        let word = words.first?.lowercased() ?? ""
        if ["every", "after", "cron"].contains(word) {
            words.removeFirst()
            return word
        }
        guard word.hasPrefix("@") || words.prefix(while: { !Self.options.contains($0) }).count >= 5 else {
            throw CronError(
                "it must begin with every, after or cron, or be a cron expression such as 30 2 * * *")
        }
        return "cron"
    }

    mutating func schedule() throws(CronError) -> Schedule {
        let kind = try self.kind()
        var duration: Int64 = 0
        var fields: ArraySlice<String> = []
        if kind == "cron" {
            fields = words.prefix { !Self.options.contains($0) }
            words = words.dropFirst(fields.count)
        } else {
            duration = try self.duration(of: "its length", atLeast: 1)
        }
        var phase: Int64 = 0
        var jitter: Int64 = 0
        var isSpread = false
        var runsOnStart = false
        var timeZone = TimeZone.gmt
        while let option = words.popFirst() {
            switch (option, kind) {
            case ("jitter", _): jitter = try self.duration(of: "jitter", atLeast: 0)
            case ("on-start", _): runsOnStart = true
            case ("phase", "every"): phase = try self.duration(of: "phase", atLeast: 0).modulo(duration)
            case ("spread", "every"): isSpread = true
            case ("in", "cron"): timeZone = try Self.timeZone(words.popFirst() ?? "")
            default: throw CronError("\(option) is not understood here")
            }
        }
        let timing: Schedule.Timing
        switch kind {
        case "every": timing = .rate(period: duration, phase: phase)
        case "after": timing = .delay(duration)
        default:
            let expression = try CronExpression(fields.joined(separator: " "))
            timing = .cron(CronTimes(expression: expression, timeZone: timeZone))
        }
        return Schedule(timing, isSpread: isSpread, jitter: jitter, runsOnStart: runsOnStart)
    }

    /// By its full name: an abbreviation means several zones, and the one that the system takes may be any of them.
    private static func timeZone(_ name: String) throws(CronError) -> TimeZone {
        guard name.contains("/") || name == "UTC" || name.hasPrefix("GMT") else {
            throw CronError(
                "\"\(name)\" is not the full name of a time zone: write its IANA name, such as Europe/London or "
                    + "America/New_York, or UTC")
        }
        guard let zone = TimeZone(identifier: name) else {
            throw CronError("\"\(name)\" is not a time zone known here")
        }
        return zone
    }

    private mutating func duration(of what: String, atLeast least: Int64) throws(CronError) -> Int64 {
        let word = words.popFirst() ?? ""
        guard let match = word.wholeMatch(of: /([0-9]{1,15})(ms|s|m|h)/), let number = Int64(match.output.1)
        else { throw CronError("\(what) is a duration such as 500ms, 10s, 5m or 1h, not \"\(word)\"") }
        let unit: Int64 =
            switch match.output.2 {
            case "ms": 1
            case "s": 1000
            case "m": 60_000
            default: 3_600_000
            }
        let (milliseconds, isTooLarge) = number.multipliedReportingOverflow(by: unit)
        guard !isTooLarge, milliseconds >= least, milliseconds <= Duration.endless.wholeMilliseconds else {
            throw CronError("\(what) must be from \(least)ms to \(Duration.endless.shortText), not \(word)")
        }
        return milliseconds
    }
}

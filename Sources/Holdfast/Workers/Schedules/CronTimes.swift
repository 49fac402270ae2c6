import Foundation

/// The instants that a cron expression names in a time zone. A pure function of both.
///
/// A wall clock is moved forward and back, and then shows some times never and some times twice. The rules:
///
/// - An expression that names times in every hour goes by what the clock shows: a time that is shown twice is
///   named twice, one that is never shown is not named. So `*/15 * * * *` comes every quarter of an hour
///   throughout.
/// - Any other expression names each of its times once. One that is shown twice is named when it is shown
///   first. Those that are never shown are named together, once, at the instant at which the clock was moved.
struct CronTimes: Hashable, Sendable {
    let expression: CronExpression
    let timeZone: TimeZone

    /// Clocks are not moved by more, at once: some zones changed sides of the date line.
    private static let longestMove: Int64 = 26 * 3600
    /// More moves than fifty years have anywhere.
    private static let mostMoves = 500

    /// The first instant after `instant`; both in seconds since 1970.
    func first(after instant: Int64) -> Int64? {
        // A stretch without a move, known by its first instant or one in it, and where in it the search starts.
        var stretch = instant
        var start = instant + 1
        for _ in 0..<Self.mostMoves {
            let offset = offset(at: stretch)
            let end = move(after: stretch)
            var from = CivilTime(seconds: start + offset)
            if !expression.isHourly { from = max(from, shownBefore(stretch)) }
            guard let time = expression.next(notBefore: from) else { return nil }
            guard let end, time.seconds - offset >= end else { return time.seconds - offset }
            // The clock is moved before it shows that time.
            let isSkipped = time.seconds < end + self.offset(at: end)
            if isSkipped && !expression.isHourly { return end }
            stretch = end
            start = end
        }
        return nil
    }

    /// What the clock had shown already when it was moved back shortly before `instant`; else the beginning of
    /// time.
    private func shownBefore(_ instant: Int64) -> CivilTime {
        var shown = CivilTime(seconds: .min)
        var last = instant - Self.longestMove
        while let move = move(after: last), move <= instant {
            shown = max(shown, CivilTime(seconds: move + offset(at: move - 1)))
            last = move
        }
        return shown
    }

    private func offset(at instant: Int64) -> Int64 {
        Int64(timeZone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant))))
    }

    /// The next instant at which the clock is moved.
    private func move(after instant: Int64) -> Int64? {
        let date = Date(timeIntervalSince1970: Double(instant))
        guard let next = timeZone.nextDaylightSavingTimeTransition(after: date) else { return nil }
        let seconds = Int64(next.timeIntervalSince1970.rounded())
        return seconds > instant ? seconds : nil
    }
}

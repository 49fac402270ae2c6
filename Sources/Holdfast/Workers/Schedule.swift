import RedisLink

/// When a periodic worker's ticks are due.
///
/// A tick's nominal instant is fixed by the schedule alone, so all instances agree on it without talking to
/// each other. It is compared with the clock of the Redis server, never with the clock of an instance.
public struct Schedule: Hashable, Sendable {
    /// All in milliseconds.
    let period: Int64
    let phase: Int64
    /// Whether the very first tick is the one that is due already.
    let runsOnStart: Bool

    /// A fixed rate: ticks at whole multiples of `period` since 1970-01-01 00:00 UTC, plus `phase`.
    ///
    /// The rate does not drift, however long a run takes. Ticks that come due while an earlier one runs, or
    /// while no instance is up, are not made up for one by one: of all that are due, only the newest is run.
    ///
    /// - Parameters:
    ///   - period: from one tick to the next; at least 1 ms, rounded down to whole milliseconds.
    ///   - phase: shifts all ticks. Give workers of the same period different phases to spread their load.
    ///   - runOnStart: a worker that has never run in this namespace waits for its next tick. With true it
    ///     runs the newest tick that is due already, once for all instances.
    public static func every(_ period: Duration, phase: Duration = .zero, runOnStart: Bool = false)
        -> Schedule
    {
        let milliseconds = period.wholeMilliseconds
        precondition(milliseconds >= 1, "a schedule's period must be at least one millisecond, not \(period)")
        return Schedule(
            period: milliseconds, phase: phase.wholeMilliseconds.modulo(milliseconds), runsOnStart: runOnStart
        )
    }

    /// The newest nominal instant that is not after `instant`; both in milliseconds since 1970.
    func newest(notAfter instant: Int64) -> Int64 {
        instant - (instant - phase).modulo(period)
    }

    /// The first nominal instant after `instant`.
    func first(after instant: Int64) -> Int64 {
        newest(notAfter: instant) + period
    }
}

extension Int64 {
    /// The remainder that is never negative.
    fileprivate func modulo(_ divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}

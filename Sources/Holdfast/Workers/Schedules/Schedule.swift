public import Foundation
import RedisLink

/// When a periodic worker's ticks are due: at a fixed rate, at a fixed delay, or by a cron expression.
///
/// A tick's nominal instant follows from the schedule and the cursor in Redis alone, so all instances agree on
/// it without talking to each other. It is compared with the clock of the Redis server, never with the clock of
/// an instance.
///
/// ```swift
/// .every(.seconds(600))                                  // at :00, :10, :20 …
/// .every(.seconds(600), spread: true)                    // the same, shifted by a part that the name decides
/// .after(.seconds(60))                                   // a minute from the end of one run to the next
/// .cron("30 2 * * mon-fri", in: TimeZone(identifier: "Europe/Berlin")!)
/// ```
public struct Schedule: Hashable, Sendable {
    /// All in milliseconds.
    enum Timing: Hashable, Sendable {
        case rate(period: Int64, phase: Int64)
        case delay(Int64)
        case cron(CronTimes)
    }

    let timing: Timing
    /// Whether the worker's name adds to the phase.
    let isSpread: Bool
    /// In milliseconds.
    let jitter: Int64
    /// Whether the very first tick is the one that is due already.
    let runsOnStart: Bool

    init(_ timing: Timing, isSpread: Bool = false, jitter: Int64, runsOnStart: Bool) {
        self.timing = timing
        self.isSpread = isSpread
        self.jitter = jitter
        self.runsOnStart = runsOnStart
    }

    /// A fixed rate: ticks at whole multiples of `period` since 1970-01-01 00:00 UTC, plus `phase`.
    ///
    /// The rate does not drift, however long a run takes. What becomes of ticks that come due while an earlier
    /// one runs, or while no instance is up, ``WorkerOptions/missed`` says.
    ///
    /// - Parameters:
    ///   - period: from one tick to the next; at least 1 ms, rounded down to whole milliseconds. Where it
    ///     divides a day, the ticks come at the same times of each UTC day.
    ///   - phase: shifts all ticks.
    ///   - spread: adds a phase that is made of the worker's name, the same in all instances, so that workers
    ///     of one period do not all begin at once. False unless set.
    ///   - jitter: each tick begins later by a part of this that is made of its worker's name and its nominal
    ///     instant, the same in all instances; never by as much as the time to the next tick. Zero unless set.
    ///   - runOnStart: a worker that has never run in this namespace waits for its next tick. With true it
    ///     runs the newest tick that is due already, once for all instances.
    public static func every(
        _ period: Duration, phase: Duration = .zero, spread: Bool = false, jitter: Duration = .zero,
        runOnStart: Bool = false
    ) -> Schedule {
        let milliseconds = period.wholeMilliseconds
        precondition(milliseconds >= 1, "a schedule's period must be at least one millisecond, not \(period)")
        return Schedule(
            .rate(period: milliseconds, phase: phase.wholeMilliseconds.modulo(milliseconds)),
            isSpread: spread, jitter: checked(jitter: jitter), runsOnStart: runOnStart)
    }

    /// A fixed delay: each tick is due so long after the end of the run before it, on whichever instance that
    /// was. Runs never overlap, and no tick is ever missed: there is one that is due next.
    ///
    /// - Parameters:
    ///   - delay: at least 1 ms, rounded down to whole milliseconds. Counts from when the end of the run was
    ///     recorded in Redis; from when its death was noticed, where its instance died.
    ///   - jitter: as in ``every(_:phase:spread:jitter:runOnStart:)``, and never longer than `delay`.
    ///   - runOnStart: a worker that has never run in this namespace waits for the delay. With true it runs at
    ///     once, once for all instances.
    public static func after(_ delay: Duration, jitter: Duration = .zero, runOnStart: Bool = false)
        -> Schedule
    {
        let milliseconds = delay.wholeMilliseconds
        precondition(milliseconds >= 1, "a schedule's delay must be at least one millisecond, not \(delay)")
        return Schedule(.delay(milliseconds), jitter: checked(jitter: jitter), runsOnStart: runOnStart)
    }

    /// The times that a cron expression names.
    ///
    /// Five fields: minute, hour, day of the month, month, weekday; six with the second in front. A field is a
    /// list of numbers, names (`jan`, `mon`; Sunday is 0 or 7), ranges and steps: `0,30`, `mon-fri`, `*/15`,
    /// `22-4/2`. Where both days are restricted, one that fits either is named. `@yearly`, `@monthly`,
    /// `@weekly`, `@daily` and `@hourly` are short for the first instant of each.
    ///
    /// When clocks are moved: an expression that names times in every hour goes by what the clock shows, so a
    /// time that is shown twice is named twice and one that is never shown is not named. Any other expression
    /// names each of its times once: when it is shown first; and those that are never shown together, once, at
    /// the instant at which the clock was moved. So `30 2 * * *` runs on every day of the year, once.
    ///
    /// - Parameters:
    ///   - expression: one that cannot be read, or that no date fits, stops the program. For text from outside
    ///     use ``parse(_:)``.
    ///   - timeZone: whose clock shows the times; UTC unless set. It must be the same in all instances, so
    ///     never `current`.
    ///   - jitter: as in ``every(_:phase:spread:jitter:runOnStart:)``.
    ///   - runOnStart: as in ``every(_:phase:spread:jitter:runOnStart:)``.
    public static func cron(
        _ expression: String, in timeZone: TimeZone = .gmt, jitter: Duration = .zero, runOnStart: Bool = false
    ) -> Schedule {
        do throws(CronError) {
            let times = CronTimes(expression: try CronExpression(expression), timeZone: timeZone)
            return Schedule(.cron(times), jitter: checked(jitter: jitter), runsOnStart: runOnStart)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    private static func checked(jitter: Duration) -> Int64 {
        precondition(jitter >= .zero, "a schedule's jitter must not be negative")
        return jitter.wholeMilliseconds
    }

    /// Whether a tick is due a delay after the last run, and not at an instant of its own.
    var followsRuns: Bool {
        if case .delay = timing { true } else { false }
    }
}

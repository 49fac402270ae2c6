public import Foundation
import RedisLink

/// When a periodic worker's ticks are due: at a fixed rate, at a fixed delay, or by a cron expression.
///
/// A tick's nominal instant follows from the schedule and the cursor in Redis alone, so all instances agree
/// on it without talking to each other. It is compared with the clock of the Redis server, never with that of
/// an instance.
///
/// ```swift
/// let schedules: [Schedule] = [
///     .every(.seconds(600)),  // at :00, :10, :20 …
///     .every(.seconds(600), spread: true),  // the same, shifted by a part that the name decides
///     .after(.seconds(60)),  // a minute from the end of one run to the next
///     .cron("30 2 * * mon-fri", in: TimeZone(identifier: "Europe/Berlin")!),
/// ]
/// ```
///
/// An invalid schedule, with a period of zero for example, makes ``Holdfast/run()`` throw
/// ``HoldfastError/Code/invalidArgument``. A period, delay or jitter of more than a hundred years counts as a
/// hundred years.
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
    /// The rate does not drift, however long a run takes. ``WorkerOptions/missed`` decides about ticks that
    /// come due during an earlier run or while no instance is up.
    ///
    /// - Parameters:
    ///   - period: from one tick to the next; at least 1 ms, rounded down to whole milliseconds. Where it
    ///     divides a day, the ticks come at the same times of each UTC day.
    ///   - phase: shifts all ticks.
    ///   - spread: adds a phase that is derived from the worker's name, the same in all instances, so that
    ///     workers with the same period do not all begin at once. Defaults to false.
    ///   - jitter: each tick begins later by a part of this that is derived from the worker's name and the
    ///     nominal instant, the same in all instances, and always less than the time to the next tick.
    ///     Defaults to zero.
    ///   - runOnStart: by default a worker that has never run in this namespace waits for its next tick. With
    ///     true it runs the newest tick that is already due, once for all instances.
    public static func every(
        _ period: Duration, phase: Duration = .zero, spread: Bool = false, jitter: Duration = .zero,
        runOnStart: Bool = false
    ) -> Schedule {
        let milliseconds = milliseconds(of: period)
        return Schedule(
            .rate(period: milliseconds, phase: phase.wholeMilliseconds.modulo(max(milliseconds, 1))),
            isSpread: spread, jitter: Self.milliseconds(of: jitter), runsOnStart: runOnStart)
    }

    /// A fixed delay: each tick is due this long after the end of the run before it, whichever instance ran
    /// it. Runs never overlap, and no tick is ever missed, because there is only one that is due next.
    ///
    /// - Parameters:
    ///   - delay: at least 1 ms, rounded down to whole milliseconds. Counts from when the end of the run was
    ///     recorded in Redis; from when its death was noticed, where its instance died.
    ///   - jitter: as in ``every(_:phase:spread:jitter:runOnStart:)``, and never longer than `delay`.
    ///   - runOnStart: by default a worker that has never run in this namespace waits for the delay. With
    ///     true it runs immediately, once for all instances.
    public static func after(_ delay: Duration, jitter: Duration = .zero, runOnStart: Bool = false)
        -> Schedule
    {
        Schedule(
            .delay(milliseconds(of: delay)), jitter: milliseconds(of: jitter), runsOnStart: runOnStart)
    }

    /// The times that a cron expression names.
    ///
    /// Five fields: minute, hour, day of the month, month, weekday; six with the second in front. A field is
    /// a list of numbers, names (`jan`, `mon`; Sunday is 0 or 7), ranges and steps: `0,30`, `mon-fri`,
    /// `*/15`, `22-4/2`. If both the day of the month and the weekday are restricted, a day that matches
    /// either is named. `@yearly`, `@monthly`, `@weekly`, `@daily` and `@hourly` are short for the first
    /// instant of each.
    ///
    /// When clocks are moved, an expression that names times in every hour follows what the clock shows: a
    /// time that is shown twice is named twice, and one that is never shown is not named. Any other
    /// expression names each of its times once: when it is first shown, and all that are never shown
    /// together, at the instant the clock was moved. So `30 2 * * *` runs once on every day of the year.
    ///
    /// - Parameters:
    ///   - expression: an expression that is invalid, or that no date ever matches, stops the program. For
    ///     text from outside use ``parse(_:)``.
    ///   - timeZone: the zone of the times; defaults to UTC. It must be the same in all instances, so never
    ///     `current`, and have a full name such as `Europe/London`, since abbreviations are ambiguous.
    ///   - jitter: as in ``every(_:phase:spread:jitter:runOnStart:)``.
    ///   - runOnStart: as in ``every(_:phase:spread:jitter:runOnStart:)``.
    public static func cron(
        _ expression: String, in timeZone: TimeZone = .gmt, jitter: Duration = .zero, runOnStart: Bool = false
    ) -> Schedule {
        do throws(CronError) {
            let times = CronTimes(expression: try CronExpression(expression), timeZone: timeZone)
            return Schedule(.cron(times), jitter: milliseconds(of: jitter), runsOnStart: runOnStart)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// At most a hundred years. What is too short is left for ``validate()`` to find.
    private static func milliseconds(of duration: Duration) -> Int64 {
        min(duration, .endless).wholeMilliseconds
    }

    /// A schedule is usable if all instances can read the text of it that Redis keeps.
    func validate() throws(HoldfastError) { _ = try Self.read(description) }

    /// The first nominal instant after `date`: to inspect a schedule, in a test or on an operator's page.
    ///
    /// What a worker will do depends on Redis as well: see ``WorkerStatus/nextTick``. Jitter is left out,
    /// since it belongs to when a tick begins and not to its instant. For a fixed delay this is `date` plus
    /// the delay, as if a run had ended then. A cron expression follows the clock of its time zone, by the
    /// rules of ``cron(_:in:jitter:runOnStart:)`` when that is moved.
    ///
    /// ```swift
    /// let nightly = Schedule.cron("30 2 * * *", in: TimeZone(identifier: "Europe/Berlin")!)
    /// nightly.next(after: .now)
    /// ```
    ///
    /// - Parameters:
    ///   - date: counted in whole milliseconds.
    ///   - worker: the name that determines the phase of a schedule with `spread`; without it that phase is
    ///     left out.
    /// - Returns: nil for an invalid schedule, and if nothing is due for fifty years.
    public func next(after date: Date, for worker: String? = nil) -> Date? {
        // Rounded where a Double is no longer exact, so that the result of one call leads on to the next instant.
        let microseconds = (date.timeIntervalSince1970 * 1_000_000).rounded()
        let limit = 1000 * 10 * Double(Duration.endless.wholeMilliseconds)
        guard (try? validate()) != nil, abs(microseconds) <= limit else { return nil }
        let schedule = Schedule(timing, isSpread: isSpread && worker != nil, jitter: 0, runsOnStart: false)
        return Timetable(schedule, worker: worker ?? "")
            .first(after: Int64(microseconds).floorDivided(by: 1000)).map(Date.init(serverTime:))
    }

    /// Whether a tick is due a delay after the last run, and not at an instant of its own.
    var followsRuns: Bool {
        if case .delay = timing { true } else { false }
    }
}

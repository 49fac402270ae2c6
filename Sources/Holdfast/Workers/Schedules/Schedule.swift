public import Foundation
import RedisLink

/// When a periodic worker's ticks are due: at a fixed rate, at a fixed delay, or by a cron expression.
///
/// A tick's nominal instant follows from the schedule and the cursor in Redis alone, so all instances agree on
/// it without talking to each other. It is compared with the clock of the Redis server, never with the clock of
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
/// A schedule that cannot be used, of a period of zero for example, makes ``Holdfast/run()`` throw
/// ``HoldfastError/Code/invalidArgument``. A period, delay or jitter of more than a hundred years counts as a hundred
/// years.
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
        let milliseconds = milliseconds(of: period)
        return Schedule(
            .rate(period: milliseconds, phase: phase.wholeMilliseconds.modulo(max(milliseconds, 1))),
            isSpread: spread, jitter: Self.milliseconds(of: jitter), runsOnStart: runOnStart)
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
        Schedule(
            .delay(milliseconds(of: delay)), jitter: milliseconds(of: jitter), runsOnStart: runOnStart)
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
    ///     never `current`, and have a full name such as `Europe/London`: abbreviations mean several zones.
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

    /// The first nominal instant after `date`: to look at a schedule, in a test or on a page of its operators.
    ///
    /// What a worker will do depends on Redis as well: ``WorkerStatus/nextTick`` tells of that. Jitter is left out,
    /// since it is part of when a tick begins and not of its instant. Of a delay after the last run this is the delay
    /// after `date`, as if a run had ended then. A cron expression goes by the clock of its time zone, with the rules of
    /// ``cron(_:in:jitter:runOnStart:)`` where that is moved.
    ///
    /// ```swift
    /// let nightly = Schedule.cron("30 2 * * *", in: TimeZone(identifier: "Europe/Berlin")!)
    /// nightly.next(after: .now)
    /// ```
    ///
    /// - Parameters:
    ///   - date: counted in whole milliseconds.
    ///   - worker: the name that decides the phase of a schedule with `spread`; without it that phase is left out.
    /// - Returns: nil for a schedule that cannot be used, and where nothing comes for fifty years.
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

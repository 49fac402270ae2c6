/// The less common settings of a periodic worker.
public struct WorkerOptions: Hashable, Sendable {
    /// What becomes of ticks that came due while no instance was up, while an earlier run went on, or while the
    /// worker was paused. ``MissedTicks/once`` unless set.
    public var missed: MissedTicks
    /// How many runs of the worker may go on at the same time, in all instances together; 1 to 16. 1 unless set:
    /// runs never overlap, and a tick that comes due during a run waits for its end. Always 1 with
    /// ``Schedule/after(_:jitter:runOnStart:)``.
    public var concurrency: Int
    /// What becomes of a run whose instance died. ``CrashPolicy/skip`` unless set.
    public var afterCrash: CrashPolicy
    /// How long a run may take before it is cancelled and recorded as timed out, from 1 ms; without a limit
    /// unless set.
    public var maximumRun: Duration?
    /// The version of the worker's schedule: 0 to 1,000,000,000; 0 unless set. Raise it when you change the
    /// schedule.
    ///
    /// While a new version of a service is rolled out, instances of both are up. All go by the schedule of the
    /// highest version that Redis has seen, those of lower versions too, each with its own code. Instances of
    /// one version go by their own schedules. So without versions the old schedule is in force beside the new
    /// one until the last old instance is gone, and again after a restart of one.
    public var version: Int
    /// How many ended runs the history keeps, from 0 to 10,000; 100 unless set.
    public var history: Int

    /// The defaults, but for what is given.
    public init(
        missed: MissedTicks = .once, concurrency: Int = 1, afterCrash: CrashPolicy = .skip,
        maximumRun: Duration? = nil, version: Int = 0, history: Int = 100
    ) {
        self.missed = missed
        self.concurrency = concurrency
        self.afterCrash = afterCrash
        self.maximumRun = maximumRun
        self.version = version
        self.history = history
    }

    func validated(with schedule: Schedule) throws(HoldfastError) -> WorkerOptions {
        try Setting("concurrency", from: 1, to: 16).check(concurrency)
        guard concurrency == 1 || !schedule.followsRuns else {
            throw HoldfastError(
                .invalidArgument,
                "concurrency must be 1, not \(concurrency): runs that begin a delay after the last one cannot overlap"
            )
        }
        try Setting("version", from: 0, to: 1_000_000_000).check(version)
        try Setting("history", from: 0, to: 10_000).check(history)
        try Setting("the attempts of afterCrash", from: 1).check(afterCrash.attempts)
        switch missed {
        case .once: break
        case .skip(let tolerance): try Settings.tolerance.check(tolerance)
        case .catchUp(let most):
            try Setting("the missed ticks that are caught up", from: 1, to: 1000).check(most)
        }
        var valid = self
        valid.maximumRun = try Settings.maximumRun(maximumRun)
        return valid
    }
}

/// What becomes of ticks that could not begin when they were due.
@nonexhaustive
public enum MissedTicks: Hashable, Sendable {
    /// Of all ticks that are due, the newest is run, however late, and those before it are not.
    case once
    /// A tick that could not begin within `tolerance` after it was due is not run at all. At least 100 ms, since a
    /// tick takes some time on its way from Redis; a second or more does not depend on how busy the machine is.
    case skip(tolerance: Duration)
    /// Every tick is run, the oldest first; of more than `atMost` (1 to 1000) that are due, only the newest so
    /// many.
    case catchUp(atMost: Int)
}

/// What becomes of a run whose instance died, was paused past its lease, or cancelled it in a shutdown.
@nonexhaustive
public enum CrashPolicy: Hashable, Sendable {
    /// It is recorded as lost, and the worker goes on with the next tick: at most once.
    case skip
    /// It is begun again, under the same tick id and with a higher fence, until it came to an end or has begun
    /// `attempts` times in all: at least once. Attempts count when they begin, so that a tick which kills its
    /// process ends. One that is found while the worker is paused is not.
    case runAgain(attempts: Int)

    var attempts: Int {
        switch self {
        case .skip: 1
        case .runAgain(let attempts): attempts
        }
    }
}

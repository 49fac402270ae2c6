/// The less common settings of a periodic worker.
public struct WorkerOptions: Hashable, Sendable {
    /// What happens to ticks that came due while no instance was up, during an earlier run, or while the
    /// worker was paused. Defaults to ``MissedTicks/once``.
    public var missed: MissedTicks
    /// How many runs of the worker may be under way at the same time, in all instances together: 1 to 16.
    /// Defaults to 1: runs never overlap, and a tick that comes due during a run waits for its end. Always 1
    /// with ``Schedule/after(_:jitter:runOnStart:)``.
    public var concurrency: Int
    /// What happens to a run whose instance died. Defaults to ``CrashPolicy/skip``.
    public var afterCrash: CrashPolicy
    /// How long a run may take before it is cancelled and recorded as timed out: at least 1 ms; no limit by
    /// default.
    public var maximumRun: Duration?
    /// The version of the worker's schedule: 0 to 1,000,000,000; defaults to 0. Raise it when you change the
    /// schedule.
    ///
    /// While a new version of a service is rolled out, instances of both versions are up. All of them follow
    /// the schedule of the highest version that Redis has seen, each with its own code. Instances of the same
    /// version follow their own schedules. So without versions the old schedule is in force beside the new
    /// one until the last old instance is gone, and again whenever one restarts.
    public var version: Int
    /// How many ended runs the history keeps: 0 to 10,000; defaults to 100.
    public var history: Int

    /// The defaults, except for the given values.
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

/// What happens to ticks that could not begin when they were due.
@nonexhaustive
public enum MissedTicks: Hashable, Sendable {
    /// The newest of all ticks that are due is run, however late; the earlier ones are not.
    case once
    /// A tick that could not begin within `tolerance` of its due time is not run at all. At least 100 ms,
    /// since a tick takes some time to arrive from Redis; with a second or more it does not matter how busy
    /// the machine is.
    case skip(tolerance: Duration)
    /// Every tick is run, oldest first; if more than `atMost` (1 to 1000) are due, only that many of the
    /// newest.
    case catchUp(atMost: Int)
}

/// What happens to a run whose instance died, was paused past its lease, or cancelled the run in a shutdown.
@nonexhaustive
public enum CrashPolicy: Hashable, Sendable {
    /// It is recorded as lost, and the worker continues with the next tick: at most once.
    case skip
    /// It is begun again, with the same tick id and a higher fence, until it comes to an end or has begun
    /// `attempts` times in all: at least once. Attempts count when they begin, so that a tick that kills its
    /// process comes to an end. A run that is found while the worker is paused is not begun again.
    case runAgain(attempts: Int)

    var attempts: Int {
        switch self {
        case .skip: 1
        case .runAgain(let attempts): attempts
        }
    }
}

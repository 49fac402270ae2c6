public import Foundation

/// A run of a periodic worker that has ended.
public struct WorkerRun: Hashable, Sendable {
    /// The name of the worker.
    public let worker: String
    /// ``nominal`` in milliseconds since 1970.
    package let nominalMilliseconds: Int64
    /// How often the worker's cursor had been turned back.
    var era: Int64 = 0
    /// Whether somebody requested it; see ``WorkerHandle/trigger()``.
    public let isTriggered: Bool
    /// The number of the attempt, from 1; higher for a run that was begun again.
    public let attempt: Int
    /// When it began, by the server's clock.
    public let began: Date
    /// From its claim to its end; for a lost run, until the loss was noticed.
    public let duration: Duration
    /// How it ended.
    public let outcome: RunOutcome
    /// The error of a failed run, at most 500 bytes of it; otherwise empty.
    public let detail: String
    /// The host on which it ran.
    public let host: String
    /// Its process on that host.
    public let pid: Int32
    /// The instance that ran it; see ``Instance/id``.
    public let instanceID: String

    /// When the tick was due by the schedule, or the run was requested, by the Redis server's clock, in whole
    /// milliseconds.
    public var nominal: Date { Date(serverTime: nominalMilliseconds) }

    /// As in ``Tick/id``.
    public var tickID: String {
        TickInstant(milliseconds: nominalMilliseconds, era: era).tickID(of: worker, isTriggered: isTriggered)
    }

    static let longestDetail = 500
}

/// How a run ended.
@nonexhaustive
public enum RunOutcome: String, Hashable, Sendable, CaseIterable {
    /// It returned.
    case succeeded
    /// It threw.
    case failed
    /// It took longer than ``WorkerOptions/maximumRun``, and was cancelled.
    case timedOut = "timed out"
    /// It was cancelled because it took longer than the shutdown of its instance allowed.
    case stopped
    /// Its lease expired before its end was recorded: its instance died or was paused past its lease, or
    /// Redis could not be reached. It may have had its effect.
    case lost
}

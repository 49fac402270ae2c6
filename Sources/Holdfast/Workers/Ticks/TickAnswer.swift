/// What tick.lua answers.
struct TickAnswer: Hashable, Sendable {
    enum Verdict: Hashable, Sendable {
        /// The run is the caller's.
        case claimed(ClaimedRun)
        /// The schedule in force is another one than the caller goes by.
        case follow(schedule: String)
        /// Nothing to run now. Some run goes on, whose lease may end after this time.
        case waiting(Reason, remaining: Duration?)
    }

    enum Reason: String, Hashable, Sendable {
        /// Nothing was asked for but a look.
        case asked
        /// The cursor is another one than the caller thinks.
        case moved
        /// The server's clock says that the tick is not due yet.
        case early
        /// The server's clock says that it is too late for it.
        case late
        case paused
        /// As many runs go on as may.
        case running
    }

    var verdict: Verdict
    /// Milliseconds since 1970 on the server.
    var serverTime: Int64
    /// Nil where the worker has none.
    var cursor: Int64?
    /// How often the cursor had been turned back.
    var era: Int64 = 0
}

/// A run as it was claimed.
struct ClaimedRun: Hashable, Sendable {
    /// Milliseconds since 1970 on the server: when the tick was due by the schedule, or was asked for.
    var nominal: Int64
    /// How often the worker's cursor had been turned back when it was claimed first.
    var era: Int64 = 0
    var isTriggered: Bool
    /// From 1.
    var attempt: Int
    var fence: FencingToken
    /// Which of the worker's locks it holds, from 1.
    var slot: Int
}

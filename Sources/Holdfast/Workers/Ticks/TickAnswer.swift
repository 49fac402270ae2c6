import RedisLink

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

extension TickAnswer {
    /// Reads what tick.lua answers; nil if it is something else.
    init?(_ reply: RedisReply) {
        guard let parts = reply.value.array, parts.count >= 5, let serverTime = parts[2].integer,
            ServerClock.range.contains(serverTime), let cursor = parts[3].string
        else { return nil }
        self.serverTime = serverTime
        if cursor != "" {
            guard let instant = TickInstant(cursor) else { return nil }
            self.cursor = instant.milliseconds
            era = instant.era
        }
        switch parts[1].string {
        case "claimed":
            guard let run = ClaimedRun(parts[4...]) else { return nil }
            verdict = .claimed(run)
        case "follow":
            guard let schedule = parts[4].string else { return nil }
            verdict = .follow(schedule: schedule)
        case "waiting":
            guard parts.count == 6, let reason = parts[4].string.flatMap(Reason.init),
                let remaining = parts[5].integer
            else { return nil }
            verdict = .waiting(reason, remaining: remaining < 0 ? nil : .milliseconds(remaining))
        default: return nil
        }
    }
}

extension ClaimedRun {
    fileprivate init?(_ parts: ArraySlice<RedisValue>) {
        let parts = Array(parts)
        guard parts.count == 5, let kind = parts[0].string, ["tick", "trigger"].contains(kind),
            let nominal = parts[1].string.flatMap(TickInstant.init),
            let attempt = parts[2].integer, 1...Int64(Int32.max) ~= attempt, let fence = parts[3].integer,
            let slot = parts[4].integer, 1...16 ~= slot
        else { return nil }
        self.init(
            nominal: nominal.milliseconds, era: nominal.era, isTriggered: kind == "trigger",
            attempt: Int(attempt),
            fence: FencingToken(rawValue: fence), slot: Int(slot))
    }
}

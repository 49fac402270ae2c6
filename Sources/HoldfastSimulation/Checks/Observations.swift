/// Everything that is known after a run, from all its witnesses. The checkers decide from this value alone.
package struct Observations: Sendable {
    /// The effects of class E1, read from Redis.
    package struct RedisEffects: Hashable, Sendable {
        /// How often each message's effect was applied.
        package var counts: [String: Int64] = [:]
        package var totals: [String: Int64] = [:]

        package init(counts: [String: Int64] = [:], totals: [String: Int64] = [:]) {
            self.counts = counts
            self.totals = totals
        }
    }

    package var plan: FaultPlan
    package var messages: [InputMessage]
    /// The effects of class E2 and the fenced writes.
    package var ledger: LedgerContents
    package var redis: RedisEffects
    /// What the queue still holds, by the name of the place.
    package var leftovers: [String: Int]
    /// The histories of all instances, in chronological order.
    package var history: [HistoryRecord]
    package var strikes: [StrikeRecord]
    package var endings: [InstanceEnding]
    package var leaseInNanoseconds: Int64
    /// Set when the run did not end in time.
    package var deadlinePassed: Bool

    package init(
        plan: FaultPlan, messages: [InputMessage], ledger: LedgerContents, redis: RedisEffects,
        leftovers: [String: Int] = [:], history: [HistoryRecord] = [], strikes: [StrikeRecord] = [],
        endings: [InstanceEnding] = [], leaseInNanoseconds: Int64, deadlinePassed: Bool = false
    ) {
        self.plan = plan
        self.messages = messages
        self.ledger = ledger
        self.redis = redis
        self.leftovers = leftovers
        self.history = history
        self.strikes = strikes
        self.endings = endings
        self.leaseInNanoseconds = leaseInNanoseconds
        self.deadlinePassed = deadlinePassed
    }
}

/// A fault as it was carried out.
package struct StrikeRecord: Codable, Hashable, Sendable {
    package var fault: Fault
    /// The slot of the instance that was hit; nil for redis-server.
    package var slot: Int?
    package var pid: Int32?
    /// When the victim was known to be hit: dead, or stopped. Nil if it never was, because it had ended
    /// before.
    package var hitAt: Int64?
    /// When a stopped victim was continued, or a dead server was up again.
    package var endedAt: Int64?

    package init(fault: Fault, slot: Int?, pid: Int32?, hitAt: Int64? = nil, endedAt: Int64? = nil) {
        self.fault = fault
        self.slot = slot
        self.pid = pid
        self.hitAt = hitAt
        self.endedAt = endedAt
    }
}

/// How an instance's process ended.
package struct InstanceEnding: Codable, Hashable, Sendable {
    package enum Cause: String, Codable, Hashable, Sendable {
        /// SIGKILL by the plan.
        case killed
        /// SIGTERM at the end of the run.
        case asked
        /// It did not stop when asked, so it was killed.
        case forced
        /// Nobody had told it to end.
        case byItself = "by itself"
    }

    package var author: Author
    package var cause: Cause
    /// The exit status; nil if a signal ended it.
    package var exitStatus: Int32?
    /// The last lines of its standard error, if it did not end cleanly.
    package var lastWords: String?

    package init(author: Author, cause: Cause, exitStatus: Int32?, lastWords: String? = nil) {
        self.author = author
        self.cause = cause
        self.exitStatus = exitStatus
        self.lastWords = lastWords
    }

    package var isClean: Bool {
        switch cause {
        case .killed: true
        case .asked: exitStatus == 0
        case .forced, .byItself: false
        }
    }
}

/// One line of a process's history: what it was about to do, or had just done.
///
/// A beginning is written before the work's first step and an end after its last, so a step that a fault cut
/// off shows as a beginning without an end.
package struct HistoryRecord: Codable, Hashable, Sendable {
    package enum Event: String, Codable, Sendable {
        case instanceStart = "instance.start"
        case instanceStop = "instance.stop"
        case handlerBegin = "handler.begin"
        case handlerEnd = "handler.end"
        case tickBegin = "tick.begin"
        case tickEnd = "tick.end"
        /// SIGKILL was sent.
        case faultKill = "fault.kill"
        /// The process is known to be stopped.
        case faultPause = "fault.pause"
        /// SIGCONT was sent.
        case faultContinue = "fault.continue"
        case faultRedisKill = "fault.redis.kill"
        case faultRedisStart = "fault.redis.start"
    }

    /// Nanoseconds of the ``BootClock``.
    package var at: Int64
    package var event: Event
    /// The instance in which it happened, or that the fault hit.
    package var slot: Int?
    package var pid: Int32?
    package var message: String?
    package var attempt: Int?
    package var tick: String?
    package var fence: Int64?
    /// At an end: the ledger's result (`applied`, `absorbed`, `accepted`, `refused`).
    package var outcome: String?
    /// At an end: whether the claim or the lease was lost meanwhile.
    package var lost: Bool?

    package init(_ event: Event, at: Int64 = BootClock.now(), author: Author? = nil) {
        self.event = event
        self.at = at
        slot = author?.slot
        pid = author?.pid
    }
}

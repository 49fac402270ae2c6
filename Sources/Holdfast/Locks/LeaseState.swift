import RedisLink

/// Why a lease ended although nobody released it.
public enum LossReason: Hashable, Sendable, CustomStringConvertible {
    /// It could not be renewed before its local deadline, which lies before the server's.
    case expired
    /// Redis says that it is not ours any more: it expired there, or somebody deleted or took it.
    case taken
    /// This client was closed.
    case closed

    public var description: String {
        switch self {
        case .expired: "it could not be renewed before its deadline"
        case .taken: "Redis no longer has it as ours: it expired there, or was deleted or taken over"
        case .closed: "the client was closed"
        }
    }
}

/// Whether a lease is still ours, and what has to be done for it next.
///
/// Events in, answers out; no clock, no socket. The local deadline is the instant the last successful request
/// was *sent*, plus the lease, minus a margin for clocks of different rate: it lies before the end of the key
/// in Redis, so a holder stops believing before anybody else can be granted the name.
struct LeaseState: Sendable {
    enum Phase: Hashable, Sendable {
        case held
        case released
        case lost(LossReason)
    }

    enum Step: Hashable, Sendable {
        case renew
        case expired
        case wait(until: ContinuousClock.Instant)
        case nothing
    }

    let lease: LeaseTerm
    private(set) var phase = Phase.held
    @Moment private(set) var deadline: ContinuousClock.Instant
    @Moment private(set) var renewalDue: ContinuousClock.Instant
    private var isRenewing = false

    init(lease: LeaseTerm, sentAt: ContinuousClock.Instant) {
        self.lease = lease
        _deadline = Moment(wrappedValue: sentAt + lease.trusted)
        _renewalDue = Moment(wrappedValue: sentAt + lease.renewal)
    }

    func isHeld(at now: ContinuousClock.Instant) -> Bool {
        phase == .held && now < deadline
    }

    /// What is due at `now`. A renewal may come a little early, so that many leases share one batch.
    mutating func next(at now: ContinuousClock.Instant) -> Step {
        guard phase == .held else { return .nothing }
        if now >= deadline {
            phase = .lost(.expired)
            return .expired
        }
        if isRenewing { return .wait(until: deadline) }
        if renewalDue <= now + lease.duration / 12 {
            isRenewing = true
            return .renew
        }
        return .wait(until: min(renewalDue, deadline))
    }

    /// Redis prolonged the lease by a request sent at `sentAt`.
    mutating func renewed(sentAt: ContinuousClock.Instant) {
        isRenewing = false
        guard phase == .held else { return }
        deadline = max(deadline, sentAt + lease.trusted)
        renewalDue = sentAt + lease.renewal
    }

    /// Redis answered that the lease is not ours. True: this is news.
    mutating func refused() -> Bool {
        isRenewing = false
        guard phase == .held else { return false }
        phase = .lost(.taken)
        return true
    }

    /// The renewal failed or its outcome is unknown. That is no loss: it is tried again until the deadline.
    /// Returns the instant of the next try.
    mutating func renewalFailed(at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        isRenewing = false
        renewalDue = now + lease.duration / 20
        return renewalDue
    }

    /// The owner lets go. False: there was nothing left to release.
    mutating func release() -> Bool {
        guard phase == .held else { return false }
        phase = .released
        return true
    }

    mutating func close() -> Bool {
        guard phase == .held else { return false }
        phase = .lost(.closed)
        return true
    }
}

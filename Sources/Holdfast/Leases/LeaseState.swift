package import RedisLink

/// Whether a lease is still ours, and what has to be done about it next.
///
/// Events in, answers out; no clock, no socket. The local deadline is the instant the last successful request
/// was *sent*, plus the lease, minus a margin for clocks of different rate: it lies before the end of the key
/// in Redis, so a holder stops believing before anybody else can be granted the name.
package struct LeaseState: Sendable {
    package enum Phase: Hashable, Sendable {
        case held
        case released
        case lost(LossReason)
    }

    package enum Step: Hashable, Sendable {
        case renew
        /// It is over, which was not known before.
        case lost(LossReason)
        case wait(until: ContinuousClock.Instant)
        case nothing
    }

    let lease: LeaseTerm
    /// What is in force: the lease, or a grant that is not confirmed yet.
    private(set) var current: LeaseTerm
    /// False while the waiter that was granted the lock still stands in the queue.
    private(set) var isConfirmed = true
    /// When the maximum hold is over.
    private let holdLimit: Moment?
    private var holdEnd: ContinuousClock.Instant? { holdLimit?.wrappedValue }
    package private(set) var phase = Phase.held
    @Moment package private(set) var deadline: ContinuousClock.Instant
    @Moment private(set) var renewalDue: ContinuousClock.Instant
    /// From when on renewals count as failing: the first failure since the last success, at the latest half a
    /// lease after that success was sent.
    @Moment private var suspension: ContinuousClock.Instant
    private var isRenewing = false

    package init(lease: LeaseTerm, sentAt: ContinuousClock.Instant) {
        self.lease = lease
        current = lease
        let renewal = sentAt + lease.renewal
        holdLimit = lease.maximumHold.map { Moment(wrappedValue: sentAt + $0) }
        _deadline = Moment(wrappedValue: sentAt + lease.trusted)
        _renewalDue = Moment(wrappedValue: renewal)
        _suspension = Moment(wrappedValue: renewal + lease.patience)
    }

    /// A grant that lasts until `end` in any case, and is being confirmed from `now` on.
    init(
        lease: LeaseTerm, grantedUntil end: ContinuousClock.Instant,
        confirmedFrom now: ContinuousClock.Instant
    ) {
        self.init(lease: lease, sentAt: now)
        deadline = end
        current = LeaseTerm.grant.shorter(lease)
        isConfirmed = false
        isRenewing = true
    }

    func isHeld(at now: ContinuousClock.Instant) -> Bool {
        phase == .held && now < deadline
    }

    /// The status of the lease at `now`, even if no timer has noticed it yet.
    func status(at now: ContinuousClock.Instant) -> LeaseStatus {
        switch phase {
        case .released: .released
        case .lost(let reason): .lost(reason)
        case .held:
            if now >= deadline {
                .lost(reasonAtDeadline)
            } else if now >= deadline - current.renewal {
                .endangered
            } else if isRenewable && now >= suspension {
                .suspended
            } else {
                .held
            }
        }
    }

    /// Whether a renewal must not wait any longer at `now`.
    package func isRenewalDue(at now: ContinuousClock.Instant) -> Bool {
        phase == .held && isRenewable && !isRenewing && renewalDue <= now
    }

    /// What is due at `now`.
    ///
    /// - Parameter isBatch: whether others are renewed at this moment. Then this one is, too, if it is due within half
    ///   the time between two renewals: so all leases of one length come to share one batch.
    package mutating func next(at now: ContinuousClock.Instant, isBatch: Bool = false) -> Step {
        guard phase == .held else { return .nothing }
        if now >= deadline {
            phase = .lost(reasonAtDeadline)
            return .lost(reasonAtDeadline)
        }
        if isRenewalDue(at: isBatch ? now + lease.patience : now) {
            isRenewing = true
            return .renew
        }
        return .wait(until: nextChange(after: now))
    }

    /// Redis prolonged the lease by a request sent at `sentAt`.
    package mutating func renewed(sentAt: ContinuousClock.Instant) {
        isRenewing = false
        isConfirmed = true
        current = lease
        guard phase == .held else { return }
        deadline = max(deadline, sentAt + lease.trusted)
        if let holdEnd { deadline = min(deadline, holdEnd) }
        renewalDue = sentAt + lease.renewal
        suspension = renewalDue + lease.patience
    }

    /// Redis answered that the lease is not ours. Returns true if that was not known before.
    package mutating func refused() -> Bool {
        isRenewing = false
        guard phase == .held else { return false }
        phase = .lost(.taken)
        return true
    }

    /// The renewal failed or its outcome is unknown. That is no loss: it is tried again until the deadline.
    /// Returns the instant of the next try.
    package mutating func renewalFailed(at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        isRenewing = false
        renewalDue = now + current.duration / 20
        suspension = min(suspension, now)
        return renewalDue
    }

    /// The owner lets go. Returns false if there was nothing left to release.
    mutating func release() -> Bool {
        guard phase == .held else { return false }
        phase = .released
        return true
    }

    /// It was lost before it was let go, as its release found out.
    mutating func releaseFound(_ reason: LossReason) {
        if phase == .released { phase = .lost(reason) }
    }

    mutating func close() -> Bool {
        guard phase == .held else { return false }
        phase = .lost(.closed)
        return true
    }

    /// Why the lease is lost if nothing happens before its deadline.
    package var reasonAtDeadline: LossReason { isRenewable ? .expired : .heldTooLong }

    /// False once the lease lasts until the end of its maximum hold.
    private var isRenewable: Bool { deadline != holdEnd }

    /// When the status changes, or a renewal is due, if nothing happens before.
    package func nextChange(after now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        var next = deadline
        let warning = deadline - current.renewal
        if now < warning { next = warning }
        if isRenewable {
            if now < suspension { next = min(next, suspension) }
            if !isRenewing { next = min(next, renewalDue) }
        }
        return next
    }
}

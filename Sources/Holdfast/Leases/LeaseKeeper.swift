package import RedisLink
import Synchronization

/// Acquires, renews and releases the leases of one client.
///
/// Callers stay on their own threads: what they share is a table under a mutex. The actor itself, on the
/// thread of the command connection, only makes renewals, so that no user code that blocks Swift's threads
/// can delay them. There is one timer for all leases; renewals that are due soon go out with those that are
/// due now, in one batch.
package actor LeaseKeeper: LinkActor, LeaseIssuer {
    package nonisolated var thread: LinkThread { link.thread }
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// How long news of leases is gathered before it is reported.
    private static let newsDelay: Duration = .milliseconds(20)

    private let link: RedisLink
    private let wakeChannels: String
    package nonisolated let clock: LocalClock
    package nonisolated let observers: Observers
    private nonisolated let held = Mutex(HeldGrants())
    /// What is being released in the background, by its token.
    private nonisolated let abandoned = Mutex([String: LeaseClaim]())
    private var timer: LocalClock.TimerID?
    private var news = LeaseNews()
    /// When the last renewal that Redis granted was sent.
    private(set) var lastRenewal: ContinuousClock.Instant?

    init(link: RedisLink, keys: KeySpace, clock: LocalClock, observers: Observers) {
        self.link = link
        self.clock = clock
        wakeChannels = keys.wakeChannels
        self.observers = observers
    }

    // MARK: Acquire

    /// One attempt to acquire. Throws `CancellationError`, or a ``HoldfastError``.
    ///
    /// If the connection is lost before the answer, the attempt is repeated once with the same token, which
    /// Redis answers as it answered, or would have answered, the first time. What is still unknown after
    /// that, or was cancelled on its way, is undone in the background.
    package nonisolated(nonsending) func tryAcquire(_ claim: LeaseClaim) async throws -> Acquisition {
        guard held.withLock({ !$0.isClosed }) else { throw HoldfastError(.closed, "this client is closed") }
        var outcome = UnknownOutcome()
        while true {
            let answer: LeaseClaim.Answer
            do throws(RedisError) {
                answer = try await attempt(claim)
            } catch {
                let isFirst = !outcome.mayHaveHappened
                let failure = outcome.failed(error)
                if isFirst && outcome.mayHaveHappened && error.code == .connectionLost { continue }
                if outcome.mayHaveHappened { abandon(claim) }
                throw HoldfastError.thrown(for: failure, "acquiring the lock \(claim.name)")
            }
            switch answer {
            case .refused(let holder, _, _): return .refused(holder)
            case .granted(let fence, let sentAt):
                return .acquired(try take(claim, fence: fence, sentAt: sentAt))
            }
        }
    }

    /// Asks once. Asking again with the same token is answered as the first time.
    private nonisolated(nonsending) func attempt(_ claim: LeaseClaim) async throws(RedisError)
        -> LeaseClaim.Answer
    {
        if let bare = claim.kind.bareAttempt(claim) {
            let reply = try await link.send(bare)
            if !reply.value.isNull { return .granted(nil, sentAt: reply.$sentAt) }
        }
        return try await link.call(claim.kind.acquire(claim, .attempt, wakeChannels: wakeChannels))
    }

    /// Begins to renew what was just granted, if it is not over already.
    nonisolated func take(
        _ claim: LeaseClaim, fence: FencingToken?, sentAt: Moment
    ) throws(HoldfastError) -> Lease {
        let lease = hold(claim, fence: fence, sentAt: clock.sending(at: sentAt.wrappedValue))
        // A process that was stopped while the answer waited for it.
        try lease.grant.check()
        return lease
    }

    /// Begins to renew a lease that a script has just granted for `claim`.
    package nonisolated func hold(
        _ claim: LeaseClaim, fence: FencingToken?, sentAt: ContinuousClock.Instant
    ) -> Lease {
        hold(
            Grant(claim, sentAt: sentAt, clock: clock), fence: fence, until: sentAt + claim.lease.renewal)
    }

    /// Begins with a grant that Redis told of, and that is to be confirmed at once.
    ///
    /// - Parameter end: until when the grant lasts in any case.
    func begin(
        _ claim: LeaseClaim, fence: FencingToken?, grantedUntil end: ContinuousClock.Instant
    ) -> Lease {
        let now = clock.now
        let state = LeaseState(lease: claim.lease, grantedUntil: end, confirmedFrom: now)
        return hold(Grant(claim, state, clock: clock), fence: fence, until: state.nextChange(after: now))
    }

    /// Sends what ``begin(_:fence:grantedUntil:)`` promises, if it is still of use.
    func confirm(_ lease: Lease) {
        if lease.status.isHeld { renew(lease.grant) }
    }

    /// - Parameter renewal: when there is something to be done for it.
    private nonisolated func hold(
        _ grant: Grant, fence: FencingToken?, until renewal: ContinuousClock.Instant
    ) -> Lease {
        let (isClosed, wakes) = held.withLock { held in
            (!held.insert(grant), held.wakeAt.map { $0 > renewal } ?? true)
        }
        if isClosed {
            _ = grant.update { $0.close() }
            abandon(grant)
        } else if wakes {
            thread.submit { self.inTurn { $0.wake(at: renewal) } }
        }
        return Lease(grant, fence: fence, issuer: self)
    }

    // MARK: Release

    /// Releases `grant`, whose lease has ended locally already, and repeats that while the outcome is unknown.
    ///
    /// - Parameter late: whether it ended after its deadline, before the timer noticed. Then only Redis can
    ///   say that nobody else has held it meanwhile; without its word the lease was lost.
    package nonisolated(nonsending) func release(
        _ grant: Grant, late: Bool
    ) async throws(HoldfastError) -> LossReason? {
        held.withLock { $0.remove(grant) }
        var outcome = UnknownOutcome()
        while true {
            let released: Bool
            do throws(RedisError) {
                released = try await releaseOnce(grant)
            } catch {
                let failure = outcome.failed(error)
                let again = error.code == .connectionLost && clock.now < grant.lease.deadline
                if again { continue }
                if late { return grant.lease.reasonAtDeadline }
                // The work is done: others need not wait for the end of the lease if Redis can be asked before it.
                abandon(grant)
                throw HoldfastError(failure, "releasing the lock \(grant.name)")
            }
            if released || outcome.mayHaveHappened && !late {
                grant.letGo()
                return nil
            }
            return late ? grant.lease.reasonAtDeadline : .taken
        }
    }

    /// One release that cancellation does not interrupt.
    private nonisolated(nonsending) func releaseOnce(
        _ grant: Grant, timeout: Duration? = nil
    ) async throws(RedisError) -> Bool {
        try await link.callShielded(
            grant.claim.kind.release(grant.claim, wakeChannels: wakeChannels), timeout: timeout)
    }

    /// Releases in the background a grant that nobody has any longer.
    package nonisolated func abandon(_ grant: Grant) {
        held.withLock { $0.remove(grant) }
        abandon(grant.claim)
    }

    /// Releases in the background whatever a claim that nobody has any longer may hold or wait for, until
    /// that is certain or the lease is over.
    nonisolated func abandon(_ claim: LeaseClaim) {
        let end = clock.now + claim.lease.keyLifetime
        abandoned.withLock { $0[claim.token] = claim }
        thread.submit {
            self.inTurn { $0.abandon(claim, until: end) }
        }
    }

    private func abandon(_ claim: LeaseClaim, until end: ContinuousClock.Instant) {
        link.call(claim.kind.leave(claim, wakeChannels: wakeChannels)) { [weak self, clock] result in
            guard case .failure(let error) = result, clock.now < end,
                error.code != .closed, error.code != .permissionDenied
            else {
                _ = self?.abandoned.withLock { $0.removeValue(forKey: claim.token) }
                return
            }
            self?.inTurn { keeper in
                _ = clock.schedule(at: clock.now + .milliseconds(200), on: keeper.thread) {
                    [weak keeper] in
                    keeper?.inTurn { $0.abandon(claim, until: end) }
                }
            }
        }
    }

    /// Waits for the releases in the background, which nobody does once the client is closed.
    private nonisolated func leaveAbandoned() async {
        await withDiscardingTaskGroup { group in
            for claim in abandoned.withLock({ Array($0.values) }) {
                group.addTask { await self.leave(claim) }
            }
        }
    }

    /// Takes a claim out of its queue, at the end of the client.
    nonisolated func leave(_ claim: LeaseClaim) async {
        do {
            _ = try await link.callShielded(
                claim.kind.leave(claim, wakeChannels: wakeChannels), timeout: RedisLink.closeTimeout)
        } catch {
            observers.tell(LeaseEvent.leavingFailed(name: claim.name, error))
        }
    }

    // MARK: Renewal

    /// Sets the timer to `instant` unless it is due before that. It is not moved back when leases end: a lock
    /// that is taken and released quickly never touches it.
    private func wake(at instant: ContinuousClock.Instant) {
        let isEarliest = held.withLock { held in
            if let wakeAt = held.wakeAt, wakeAt <= instant, timer != nil { return false }
            held.wakeAt = instant
            return true
        }
        guard isEarliest else { return }
        if let timer { clock.cancel(timer, on: thread) }
        timer = clock.schedule(at: instant, on: thread) { [weak self] in
            self?.inTurn { $0.renewDue() }
        }
    }

    private func renewDue() {
        timer = nil
        let grants = held.withLock { held in
            held.wakeAt = nil
            return held.grants
        }
        let now = clock.now
        var next: ContinuousClock.Instant?
        let isBatch = grants.contains { $0.lease.isRenewalDue(at: now) }
        for grant in grants {
            var step = grant.update { $0.next(at: now, isBatch: isBatch) }
            if step == .renew {
                renew(grant)
                step = grant.update { $0.next(at: now) }
            }
            switch step {
            case .wait(let until): next = min(next ?? until, until)
            case .lost(let reason): lost(grant, reason)
            case .renew, .nothing: held.withLock { $0.remove(grant) }
            }
        }
        if let next { wake(at: next) }
    }

    private func renew(_ grant: Grant) {
        let lease = grant.lease
        // Each attempt has a third of the lease: then there is time for another one.
        link.call(
            grant.claim.kind.renew(
                grant.claim, isConfirmed: lease.isConfirmed, for: grant.term.milliseconds),
            timeout: lease.current.renewal
        ) { [weak self] result in
            self?.inTurn { $0.renewed(grant, result) }
        }
    }

    private func renewed(_ grant: Grant, _ result: Result<Renewal, RedisError>) {
        let now = clock.now
        switch result {
        case .success(.renewed(let moment)):
            lastRenewal = moment.wrappedValue
            let sentAt = clock.sending(at: moment.wrappedValue)
            wake(
                at: grant.update { lease in
                    lease.renewed(sentAt: sentAt)
                    return lease.nextChange(after: now)
                })
        case .success(.refused):
            if grant.update({ $0.refused() }) { lost(grant, .taken) }
        case .failure(let error) where error.replyKind == "WRONGTYPE":
            // A key of another type is not ours either.
            if grant.update({ $0.refused() }) { lost(grant, .taken) }
        case .failure(let error):
            // Not a loss: the key may live on. The local deadline decides.
            tell(.renewalFailed("\(error)"), of: grant)
            wake(at: grant.update { $0.renewalFailed(at: now) })
        }
    }

    private func lost(_ grant: Grant, _ reason: LossReason) {
        held.withLock { $0.remove(grant) }
        // Its waiter still stands in the queue.
        if !grant.lease.isConfirmed { abandon(grant.claim) }
        tell(.lost(reason), of: grant)
    }

    /// Soon, together with the news of other leases until then: the replies of one batch arrive one after
    /// another.
    private func tell(_ fate: LeaseEvent.Fate, of grant: Grant) {
        let isFirst = news.isEmpty
        news.add(fate, grant.name)
        guard isFirst else { return }
        _ = thread.schedule(at: .now + Self.newsDelay) { self.inTurn { $0.news.tell($0.observers) } }
    }

    /// Ends all leases and lets go of them in Redis, so that others need not wait for their end: at the most for
    /// the lock-delay.
    func close() async {
        await leaveAbandoned()
        let grants = held.withLock { $0.close() }.filter { grant in grant.update { $0.close() } }
        for grant in grants { news.add(.heldAtClose, grant.name) }
        news.tell(observers)
        await withTaskGroup(of: (Grant, RedisError?).self) { group in
            for grant in grants where !grant.claim.kind.endsByItself {
                group.addTask { (grant, await self.releaseAtClose(grant)) }
            }
            for await (grant, error) in group {
                if let error { news.add(.notReleased("\(error)"), grant.name) }
            }
        }
        news.tell(observers)
    }

    private nonisolated func releaseAtClose(_ grant: Grant) async -> RedisError? {
        do throws(RedisError) {
            if grant.term.lockDelay > .zero {
                // Its holder did not release it, and may have sent a write: it is lost.
                _ = try await link.callShielded(
                    grant.claim.kind.renew(
                        grant.claim, isConfirmed: true, for: .init(milliseconds: grant.term.lockDelay)),
                    timeout: RedisLink.closeTimeout)
            } else {
                _ = try await releaseOnce(grant, timeout: RedisLink.closeTimeout)
            }
            return nil
        } catch {
            return error
        }
    }
}

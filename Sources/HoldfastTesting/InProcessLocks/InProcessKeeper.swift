internal import Foundation
internal import Holdfast
internal import Logging
internal import RedisLink
internal import Synchronization

/// Grants, renews and ends the leases of one ``InProcessLocks``: the shell around its ``LockTable``.
///
/// One timer serves everything: renewals, the ends of names, the limits of waits. What is decided under the
/// mutex is announced after it is unlocked, since a resumed task may run at once.
final class InProcessKeeper: LeaseIssuer {
    private struct Waiter {
        let claim: LeaseClaim
        let deadline: ContinuousClock.Instant?
        let continuation: UnsafeContinuation<Acquisition, any Error>
    }

    private struct State {
        var table: LockTable
        var grants: [String: Grant] = [:]
        var waiters: [String: Waiter] = [:]
        /// Tokens of cancelled tasks. The cancellation may come before the waiter has entered.
        var cancelled: Set<String> = []
        var renews = true
        var wakesAt: ContinuousClock.Instant?
        var timer: Task<Void, Never>?
    }

    let observers: Observers
    private let state: Mutex<State>

    init(logger: Logger) {
        observers = Observers(.log(to: logger))
        let microseconds = Int64(Date().timeIntervalSince1970 * 1_000_000)
        state = Mutex(State(table: LockTable(start: .now, microseconds: microseconds)))
    }

    deinit {
        state.withLock { $0.timer?.cancel() }
    }

    var heldNames: [String] { state.withLock { $0.table.heldNames } }
    func waiterCount(of key: String) -> Int { state.withLock { $0.table.waiterCount(of: key) } }
    func setRenews(_ renews: Bool) { state.withLock { $0.renews = renews } }

    // MARK: Acquire

    func tryAcquire(_ claim: LeaseClaim) throws -> Acquisition {
        try Task.checkCancellation()
        look()
        return state.withLock { ask(claim, .attempt, at: .now, &$0) }
    }

    /// Returns the holder if the lock was not acquired by `deadline`; nil for no limit.
    func acquire(
        _ claim: LeaseClaim, until deadline: ContinuousClock.Instant?, barging: Bool
    ) async throws -> Acquisition {
        let token = claim.token
        defer { state.withLock { _ = $0.cancelled.remove(token) } }
        look()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let waiter = Waiter(claim: claim, deadline: deadline, continuation: continuation)
                if let result = enter(waiter, barging ? .barge : .wait) { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.removeValue(forKey: token)
                if waiter == nil { state.cancelled.insert(token) }
                _ = waiter.map { state.table.leave($0.claim.key, token, at: .now) }
                return waiter
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    /// The result; nil if the waiter has to wait.
    private func enter(_ waiter: Waiter, _ mode: LeaseClaim.Mode) -> Result<Acquisition, any Error>? {
        state.withLock { state in
            guard state.cancelled.isEmpty || !state.cancelled.contains(waiter.claim.token) else {
                return .failure(CancellationError())
            }
            let now = ContinuousClock.now
            let isOver = waiter.deadline.map { $0 <= now } ?? false
            let answer = ask(waiter.claim, isOver ? .attempt : mode, at: now, &state)
            if isOver || answer.lease != nil { return .success(answer) }
            state.waiters[waiter.claim.token] = waiter
            if let deadline = waiter.deadline { wake(at: deadline, &state) }
            return nil
        }
    }

    private func ask(
        _ claim: LeaseClaim, _ mode: LeaseClaim.Mode, at now: ContinuousClock.Instant, _ state: inout State
    ) -> Acquisition {
        let hold = state.table.ask(claim, mode, at: now)
        return hold.claim.token == claim.token
            ? .acquired(take(hold, at: now, &state)) : .refused(holder(hold, at: now, state))
    }

    private func take(
        _ hold: LockTable.Hold, at now: ContinuousClock.Instant, _ state: inout State
    ) -> Lease {
        let grant = Grant(hold.claim, sentAt: now)
        state.grants[grant.token] = grant
        wake(at: now + grant.term.renewal, &state)
        return Lease(grant, fence: hold.fence, issuer: self)
    }

    private func holder(
        _ hold: LockTable.Hold, at now: ContinuousClock.Instant, _ state: State
    ) -> Holder {
        Holder(
            value: hold.claim.token, remainingMilliseconds: max((hold.end - now).wholeMilliseconds, 0),
            fenceEntry: hold.fence.map { "\($0)\(hold.claim.token)" },
            nowMicroseconds: state.table.microseconds(at: now))
    }

    /// Gives a name to the waiter that has it according to the table; call the returned closure outside the
    /// mutex.
    private func serve(
        _ hold: LockTable.Hold?, at now: ContinuousClock.Instant, _ state: inout State
    ) -> (@Sendable () -> Void) {
        guard let hold, let waiter = state.waiters.removeValue(forKey: hold.claim.token) else { return {} }
        let lease = take(hold, at: now, &state)
        return { waiter.continuation.resume(returning: .acquired(lease)) }
    }

    // MARK: Release

    nonisolated(nonsending) func release(
        _ grant: Grant, late: Bool
    ) async throws(HoldfastError) -> LossReason? {
        leave(grant) ? nil : late ? grant.lease.reasonAtDeadline : .taken
    }

    func abandon(_ grant: Grant) {
        _ = leave(grant)
    }

    private func leave(_ grant: Grant) -> Bool {
        let now = ContinuousClock.now
        let (held, tell) = state.withLock { state in
            state.grants[grant.token] = nil
            let (held, next) = state.table.leave(grant.key, grant.token, at: now)
            return (held, serve(next, at: now, &state))
        }
        tell()
        return held
    }

    /// Takes the name from its holder, which is notified before the next one has it.
    func lose(_ key: String) -> Bool {
        let now = ContinuousClock.now
        let (grant, isHeld, tell) = state.withLock { state -> (Grant?, Bool, @Sendable () -> Void) in
            guard let hold = state.table.hold(of: key) else { return (nil, false, {}) }
            let grant = state.grants.removeValue(forKey: hold.claim.token)
            return (grant, true, serve(state.table.handOn(key, at: now), at: now, &state))
        }
        if let grant, grant.update({ $0.refused() }) { lost(grant, .taken) }
        tell()
        return isHeld
    }

    private func lost(_ grant: Grant, _ reason: LossReason) {
        observers.tell(LeaseEvent.befell(LeaseNames(grant.name), .lost(reason)))
    }

    // MARK: Time

    /// Does what is due: first the leases, so that a holder is notified of its end before the next one
    /// begins.
    private func look() {
        let now = ContinuousClock.now
        let grants = state.withLock { state in
            state.wakesAt.map { $0 <= now } ?? false ? Array(state.grants.values) : []
        }
        for grant in grants { renewIfDue(grant, at: now) }
        let tell = state.withLock { state -> [@Sendable () -> Void] in
            guard state.wakesAt.map({ $0 <= now }) ?? false else { return [] }
            state.wakesAt = nil
            var tell = state.table.expire(at: now).map { serve($0, at: now, &state) }
            for waiter in state.waiters.values where waiter.deadline.map({ $0 <= now }) ?? false {
                tell.append(timeOut(waiter, at: now, &state))
            }
            let instants =
                state.grants.values.map { $0.lease.nextChange(after: now) }
                + state.waiters.values.compactMap(\.deadline)
            for instant in instants { wake(at: instant, &state) }
            if let end = state.table.nextEnd { wake(at: end, &state) }
            return tell
        }
        for tell in tell { tell() }
    }

    private func renewIfDue(_ grant: Grant, at now: ContinuousClock.Instant) {
        var step = grant.update { $0.next(at: now) }
        if step == .renew {
            let (renews, isOurs) = state.withLock { state in
                (state.renews, state.renews && state.table.renew(grant.key, grant.token, at: now))
            }
            step = grant.update { lease in
                guard renews else { return .wait(until: lease.renewalFailed(at: now)) }
                guard isOurs else { return lease.refused() ? .lost(.taken) : .nothing }
                lease.renewed(sentAt: now)
                return .wait(until: lease.nextChange(after: now))
            }
        }
        switch step {
        case .wait, .renew: return
        case .lost(let reason): lost(grant, reason)
        case .nothing: break
        }
        state.withLock { _ = $0.grants.removeValue(forKey: grant.token) }
    }

    private func timeOut(
        _ waiter: Waiter, at now: ContinuousClock.Instant, _ state: inout State
    ) -> (@Sendable () -> Void) {
        let claim = waiter.claim
        state.waiters[claim.token] = nil
        guard let hold = state.table.hold(of: claim.key) else {
            preconditionFailure("a waiter waits for a name that nobody holds")
        }
        _ = state.table.leave(claim.key, claim.token, at: now)
        let holder = holder(hold, at: now, state)
        return { waiter.continuation.resume(returning: .refused(holder)) }
    }

    /// Sets the timer, unless it is due before `instant`. Detached: it belongs to no caller.
    private func wake(at instant: ContinuousClock.Instant, _ state: inout State) {
        if let wakesAt = state.wakesAt, wakesAt <= instant { return }
        state.timer?.cancel()
        state.wakesAt = instant
        state.timer = Task.detached { [weak self] in
            try? await Task.sleep(until: instant, clock: .continuous)
            if !Task.isCancelled { self?.look() }
        }
    }
}

import Synchronization

/// A name that is held: proof of ownership, its fence, and its end.
///
/// It is renewed in the background until it is released or lost. Ownership lies in this value alone, not in a
/// task or a thread: whoever has it may release it.
public final class Lease: Sendable {
    private struct State: Sendable {
        var lease: LeaseState
        var waiters: [UInt64: UnsafeContinuation<LossReason?, Never>] = [:]
        /// Waiters that were cancelled before they came to wait.
        var cancelled: Set<UInt64> = []
        var nextWaiter: UInt64 = 0
    }

    /// The name of the lock.
    public let name: String
    /// The fence of this grant; nil when it was acquired without one.
    public let fencingToken: FencingToken?
    /// How long the lease lives without renewal.
    public let duration: Duration

    let key: String
    let token: String
    private let keeper: LeaseKeeper
    private let state: Mutex<State>

    init(_ claim: LockClaim, fencingToken: FencingToken?, state: LeaseState, keeper: LeaseKeeper) {
        name = claim.name
        key = claim.key
        token = claim.token
        duration = claim.lease
        self.fencingToken = fencingToken
        self.keeper = keeper
        self.state = Mutex(State(lease: state))
    }

    deinit {
        // Dropped without release: nobody can use it any more, so it need not block others until it expires.
        if state.withLock({ $0.lease.release() }) { keeper.abandon(key: key, token: token, lease: duration) }
    }

    /// Whether the lease is ours at this moment, by the local deadline. No round trip.
    public var isHeld: Bool {
        state.withLock { $0.lease.isHeld(at: .now) }
    }

    /// How long the lease may still be believed if no renewal succeeds; zero once it is over. No round trip.
    public var remaining: Duration {
        state.withLock { state in
            guard state.lease.phase == .held else { return .zero }
            return max(state.lease.deadline - .now, .zero)
        }
    }

    /// Throws unless the lease is ours at this moment. No round trip.
    ///
    /// Call it before each step that must not happen without the lock. A process that is paused between this
    /// check and the step cannot notice: against that, give ``fencingToken`` to the resource.
    ///
    /// - Throws: ``HoldfastError/Code/lost`` or ``HoldfastError/Code/released``.
    public func check() throws(HoldfastError) {
        let (phase, late) = state.withLock { ($0.lease.phase, !$0.lease.isHeld(at: .now)) }
        switch phase {
        case .held where late: throw lostError(.expired)
        case .held: return
        case .lost(let reason): throw lostError(reason)
        case .released: throw HoldfastError(.released, "the lock \(name) was released")
        }
    }

    /// Releases the lock. One round trip; repeated, on the same token, while the outcome is unknown and the
    /// lease lasts. Cancellation does not interrupt it. Releasing again does nothing.
    ///
    /// - Throws: ``HoldfastError/Code/lost`` when the lease was over before: others may have held the name
    ///   meanwhile. ``HoldfastError/Code/unknownOutcome`` or ``HoldfastError/Code/unavailable`` when Redis
    ///   could not be asked: then the lock ends by itself, at the latest a lease after its last renewal.
    public func release() async throws(HoldfastError) {
        let (phase, late, ours) = state.withLock {
            ($0.lease.phase, !$0.lease.isHeld(at: .now), $0.lease.release())
        }
        switch phase {
        case .released: return
        case .lost(let reason): throw lostError(reason)
        case .held:
            precondition(ours, "a held lease could not be released")
            resumeWaiters(nil)
            try await keeper.release(self, late: late)
        }
    }

    /// The instant after which the lease is not believed any more.
    var deadline: ContinuousClock.Instant {
        state.withLock { $0.lease.deadline }
    }

    func lostError(_ reason: LossReason) -> HoldfastError {
        HoldfastError(.lost, "the lock \(name) was lost: \(reason)")
    }

    // MARK: Loss

    /// Waits for the end of the lease: why it was lost, or nil when it was released or the task was
    /// cancelled.
    package func untilLost() async -> LossReason? {
        // The number is drawn first: a cancellation that comes before the registration leaves its mark under
        // it.
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        defer { state.withLock { _ = $0.cancelled.remove(id) } }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let phase: LeaseState.Phase? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .released }
                    guard state.lease.phase == .held else { return state.lease.phase }
                    state.waiters[id] = continuation
                    return nil
                }
                switch phase {
                case nil, .held: break
                case .released: continuation.resume(returning: nil)
                case .lost(let reason): continuation.resume(returning: reason)
                }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.removeValue(forKey: id)
                if waiter == nil { state.cancelled.insert(id) }
                return waiter
            }
            waiter?.resume(returning: nil)
        }
    }

    /// Changes the lease's state; if that loses the lease, whoever waits for it is told.
    func update<R: Sendable>(_ change: @Sendable (inout LeaseState) -> R) -> R {
        let (result, phase) = state.withLock { state in (change(&state.lease), state.lease.phase) }
        if case .lost(let reason) = phase { resumeWaiters(reason) }
        return result
    }

    private func resumeWaiters(_ reason: LossReason?) {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(returning: reason) }
    }
}

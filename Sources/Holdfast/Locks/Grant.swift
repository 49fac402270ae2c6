import Synchronization

/// One grant of a name: the proof of ownership, and the state of its lease.
///
/// Shared by the ``Lease``, which its owner has, and its ``LeaseIssuer``, which renews it.
package final class Grant: Sendable {
    private typealias Waiters = [UInt64: Waiter]

    private struct Waiter: Sendable {
        let continuation: UnsafeContinuation<LossReason?, Never>
        /// What it works for, which its loss cancels.
        let activities: [ManualTime.Activity]
    }

    private struct State: Sendable {
        var lease: LeaseState
        var waiters: Waiters = [:]
        /// Waiters that were cancelled before they came to wait.
        var cancelled: Set<UInt64> = []
        var nextWaiter: UInt64 = 0
        var observers: [UInt64: AsyncStream<LeaseStatus>.Continuation] = [:]
        /// What the observers were told last.
        var told = LeaseStatus.held

        mutating func takeWaiters() -> Waiters {
            defer { waiters = [:] }
            return waiters
        }

        /// What the observers do not know yet. They get no more once the lease is over.
        mutating func takeNews(at now: ContinuousClock.Instant) -> News? {
            guard !observers.isEmpty else { return nil }
            let status = lease.status(at: now)
            guard status != told else { return nil }
            told = status
            defer { if !status.isHeld { observers = [:] } }
            return News(status: status, observers: Array(observers.values))
        }
    }

    /// A change of status, to be told without the mutex: the end of a sequence takes it.
    private struct News: Sendable {
        let status: LeaseStatus
        let observers: [AsyncStream<LeaseStatus>.Continuation]

        func tell() {
            for observer in observers {
                observer.yield(status)
                if !status.isHeld { observer.finish() }
            }
        }
    }

    /// How ``release()`` found the lease.
    package enum Release {
        /// It was held, and is the caller's to release in Redis. Late: its deadline had passed already.
        case ours(late: Bool)
        case lost(LossReason)
        case released
    }

    let claim: LockClaim
    let clock: LocalClock
    private let slot = Atomic<Int>(-1)
    private let state: Mutex<State>

    package init(_ claim: LockClaim, _ lease: LeaseState, clock: LocalClock = .continuous) {
        self.claim = claim
        self.clock = clock
        state = Mutex(State(lease: lease))
    }

    package convenience init(
        _ claim: LockClaim, sentAt: ContinuousClock.Instant, clock: LocalClock = .continuous
    ) {
        self.init(claim, LeaseState(lease: claim.lease, sentAt: sentAt), clock: clock)
    }

    /// Where the keeper finds it in its table; below zero unless it is there. For the keeper, under its mutex.
    var tableIndex: Int {
        get { slot.load(ordering: .relaxed) }
        set { slot.store(newValue, ordering: .relaxed) }
    }

    /// Redis has said that it is released: from now on nothing speaks for it.
    var isLetGo: Bool { slot.load(ordering: .relaxed) == Self.letGo }
    func letGo() { slot.store(Self.letGo, ordering: .relaxed) }
    private static let letGo = -2

    package var name: String { claim.name }
    package var key: String { claim.key }
    package var token: String { claim.token }
    package var term: LeaseTerm { claim.lease }

    package var lease: LeaseState {
        state.withLock { $0.lease }
    }

    /// How many sequences of status changes are alive.
    var observerCount: Int {
        state.withLock { $0.observers.count }
    }

    /// Changes the lease's state; whoever waits for its loss, or observes its status, is told.
    package func update<R: Sendable>(_ change: @Sendable (inout LeaseState) -> R) -> R {
        let (result, reason, waiters, news) = state.withLock { state in
            let result = change(&state.lease)
            guard case .lost(let reason) = state.lease.phase else {
                return (result, LossReason?.none, Waiters(), state.takeNews(at: clock.now))
            }
            return (result, reason, state.takeWaiters(), state.takeNews(at: clock.now))
        }
        news?.tell()
        for waiter in waiters.values {
            waiter.activities.become(.brief)
            waiter.continuation.resume(returning: reason)
        }
        return result
    }

    /// Ends the lease locally, once.
    func release() -> Release {
        let (release, waiters, news) = state.withLock { state -> (Release, Waiters, News?) in
            switch state.lease.phase {
            case .released: return (.released, [:], nil)
            case .lost(let reason): return (.lost(reason), [:], nil)
            case .held:
                let late = !state.lease.isHeld(at: clock.now)
                _ = state.lease.release()
                return (.ours(late: late), state.takeWaiters(), state.takeNews(at: clock.now))
            }
        }
        news?.tell()
        for waiter in waiters.values { waiter.continuation.resume(returning: nil) }
        return release
    }

    /// The status now and its changes, until the lease is over. The sequence does not keep the grant.
    func statusChanges() -> AsyncStream<LeaseStatus> {
        let (changes, observer) = AsyncStream.makeStream(
            of: LeaseStatus.self, bufferingPolicy: .bufferingNewest(8))
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        observer.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.observers.removeValue(forKey: id) }
        }
        let (status, news) = state.withLock { state in
            // Where no timer has noticed a change yet, the others learn of it now: what was told is one thing.
            let news = state.takeNews(at: clock.now)
            state.told = state.lease.status(at: clock.now)
            observer.yield(state.told)
            if state.told.isHeld { state.observers[id] = observer }
            return (state.told, news)
        }
        news?.tell()
        if !status.isHeld { observer.finish() }
        return changes
    }

    package func lostError(_ reason: LossReason) -> HoldfastError {
        HoldfastError(.lost, "the lock \(name) was lost: \(reason)")
    }

    /// Waits for the end of the lease: why it was lost, or nil when it was released or the task was
    /// cancelled.
    func untilLost() async -> LossReason? {
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
                    state.waiters[id] = Waiter(continuation: continuation, activities: clock.activities)
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
            waiter?.continuation.resume(returning: nil)
        }
    }
}

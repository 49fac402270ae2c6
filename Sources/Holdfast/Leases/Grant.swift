import Synchronization

/// One grant of a name: the proof of ownership, and the state of its lease.
///
/// Shared by the ``Lease``, which belongs to the owner, and the ``LeaseIssuer``, which renews it.
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
        /// The last status that the observers were given.
        var told = LeaseStatus.held
        var release = Release.none

        mutating func takeWaiters() -> Waiters {
            defer { waiters = [:] }
            return waiters
        }

        /// What the observers do not know yet. They get nothing more once the lease is over. While Redis is
        /// being asked it is not known whether the lease was released or lost.
        mutating func takeNews(at now: ContinuousClock.Instant) -> News? {
            guard !observers.isEmpty, !release.isUnderWay else { return nil }
            let status = lease.status(at: now)
            guard status != told else { return nil }
            told = status
            defer { if !status.isHeld { observers = [:] } }
            return News(status: status, observers: Array(observers.values))
        }
    }

    /// A change of status, to be delivered without the mutex, since ending a sequence takes the mutex.
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

    /// How far the release of a lease has got. The first caller makes it, and the others wait for it.
    private enum Release: Sendable {
        /// Not begun, or no longer needed.
        case none
        case underWay([UnsafeContinuation<Void, Never>])
        case failed(any Error)

        var isUnderWay: Bool {
            if case .underWay = self { true } else { false }
        }
    }

    /// What ``beginRelease()`` leaves to its caller.
    private enum Beginning {
        /// To release it in Redis. Late: its deadline had passed already.
        case release(late: Bool)
        case wait
        case over(HoldfastError?)
    }

    let claim: LeaseClaim
    let clock: LocalClock
    private let slot = Atomic<Int>(-1)
    private let state: Mutex<State>

    package init(_ claim: LeaseClaim, _ lease: LeaseState, clock: LocalClock = .continuous) {
        self.claim = claim
        self.clock = clock
        state = Mutex(State(lease: lease))
    }

    package convenience init(
        _ claim: LeaseClaim, sentAt: ContinuousClock.Instant, clock: LocalClock = .continuous
    ) {
        self.init(claim, LeaseState(lease: claim.lease, sentAt: sentAt), clock: clock)
    }

    /// Where the keeper finds it in its table; below zero unless it is there. For the keeper, under its mutex.
    var tableIndex: Int {
        get { slot.load(ordering: .relaxed) }
        set { slot.store(newValue, ordering: .relaxed) }
    }

    /// Redis has confirmed the release: from now on nothing speaks for the lease.
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

    /// How many sequences of status changes exist.
    var observerCount: Int {
        state.withLock { $0.observers.count }
    }

    /// How many releases wait for the answer to the first one.
    var waitingReleases: Int {
        state.withLock { state in
            if case .underWay(let others) = state.release { others.count } else { 0 }
        }
    }

    /// Changes the lease's state, and notifies everybody who waits for its loss or observes its status.
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

    /// Ends the lease locally, and lets `issuer` end it in Redis, once: later callers wait for that and get
    /// the same result.
    nonisolated(nonsending) func release(by issuer: any LeaseIssuer) async throws(HoldfastError) {
        switch beginRelease() {
        case .release(let late):
            var failure: HoldfastError?
            var loss: LossReason?
            do throws(HoldfastError) {
                loss = try await issuer.release(self, late: late)
                failure = loss.map(lostError)
            } catch {
                failure = error
            }
            endRelease(loss, failure)
            if let failure { throw failure }
        case .wait:
            await untilReleased()
            if let failure = outcome { throw failure }
        case .over(let failure):
            if let failure { throw failure }
        }
    }

    /// Ends the lease locally, for good. Returns false if it was over.
    func drop() -> Bool {
        guard case .release = beginRelease() else { return false }
        endRelease(nil, nil)
        return true
    }

    private func beginRelease() -> Beginning {
        state.withLock { state in
            switch (state.lease.phase, state.release) {
            case (.held, _):
                let late = !state.lease.isHeld(at: clock.now)
                _ = state.lease.release()
                state.release = .underWay([])
                return .release(late: late)
            case (.released, .underWay): return .wait
            case (.released, _), (.lost, _): return .over(outcome(of: state))
            }
        }
    }

    /// - Parameter loss: why it was lost before it was released, as Redis says.
    private func endRelease(_ loss: LossReason?, _ failure: HoldfastError?) {
        let (others, waiters, news) = state.withLock { state in
            var others: [UnsafeContinuation<Void, Never>] = []
            if case .underWay(let waiting) = state.release { others = waiting }
            if let loss { state.lease.releaseFound(loss) }
            state.release = .none
            if let failure, loss == nil { state.release = .failed(failure) }
            return (others, state.takeWaiters(), state.takeNews(at: clock.now))
        }
        news?.tell()
        for waiter in waiters.values {
            if loss != nil { waiter.activities.become(.brief) }
            waiter.continuation.resume(returning: loss)
        }
        for other in others { other.resume() }
    }

    /// Not shortened by cancellation, as the release itself is not.
    private func untilReleased() async {
        await withUnsafeContinuation { continuation in
            let isOver = state.withLock { state in
                guard case .underWay(let others) = state.release else { return true }
                state.release = .underWay(others + [continuation])
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// What a release throws that is not the first.
    private var outcome: HoldfastError? { state.withLock { outcome(of: $0) } }

    private func outcome(of state: State) -> HoldfastError? {
        if case .lost(let reason) = state.lease.phase { return lostError(reason) }
        if case .failed(let error) = state.release { return error as? HoldfastError }
        return nil
    }

    /// Throws unless the lease is ours at this moment.
    func check() throws(HoldfastError) {
        switch lease.status(at: clock.now) {
        case .held, .suspended, .endangered: return
        case .lost(let reason): throw lostError(reason)
        case .released: throw HoldfastError(.released, "the lock \(name) was released")
        }
    }

    /// The current status and its changes, until the lease is over. The sequence does not keep the grant
    /// alive.
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
        let (status, news) = state.withLock { state -> (LeaseStatus?, News?) in
            // The end of the release tells how it ended.
            if state.release.isUnderWay {
                state.observers[id] = observer
                return (nil, nil)
            }
            // Where no timer has noticed a change yet, the others learn of it now: what was told is one thing.
            let news = state.takeNews(at: clock.now)
            state.told = state.lease.status(at: clock.now)
            observer.yield(state.told)
            if state.told.isHeld { state.observers[id] = observer }
            return (state.told, news)
        }
        news?.tell()
        if let status, !status.isHeld { observer.finish() }
        return changes
    }

    package func lostError(_ reason: LossReason) -> HoldfastError {
        HoldfastError(.lost, "the lock \(name) was lost: \(reason)")
    }

    /// Waits for the end of the lease: why it was lost, or nil when it was released or the task was
    /// cancelled. While it is released, the answer decides.
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
                    guard state.lease.phase == .held || state.release.isUnderWay else {
                        return state.lease.phase
                    }
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

import RedisLink
import Synchronization

/// One caller's wait for a lock: what it wants, and how it ended.
///
/// An object, because a task keeps the memory of its deepest call, and many may wait: so their calls carry
/// nothing but this.
final class LockWait: Sendable {
    enum Outcome: Sendable {
        case granted(Lease)
        indirect case timedOut(Holder)
        case cancelled
        indirect case failed(RedisError)
    }

    let claim: LeaseClaim
    /// How long to wait at most; nil for no limit.
    let limit: Duration?
    // Here it takes no memory: the optional before it leaves a gap.
    let mode: LeaseClaim.Mode
    private let cancellation = Atomic(false)
    let deadline: ContinuousClock.Instant?
    private let end = Mutex(Outcome.cancelled)
    /// What the caller works for, as far as a test has to wait for it.
    let activities: [ManualTime.Activity]

    init(_ claim: LeaseClaim, atMost limit: Duration?, clock: LocalClock, barging: Bool) {
        activities = clock.activities
        self.claim = claim
        self.limit = limit
        mode = barging ? .barge : .wait
        deadline = limit.map { clock.now + $0 }
    }

    /// Set before the caller is resumed.
    var outcome: Outcome {
        get { end.withLock { $0 } }
        set { end.withLock { $0 = newValue } }
    }

    var isCancelled: Bool { cancellation.load(ordering: .sequentiallyConsistent) }

    func cancel() { cancellation.store(true, ordering: .sequentiallyConsistent) }
}

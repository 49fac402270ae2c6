/// A name that is held: the proof of ownership, its fence, and its end.
///
/// It is renewed in the background until it is released or lost. Ownership lies in this value alone, not in a
/// task or a thread: whoever has it may release it. A lease that is dropped without being released, when the
/// last reference to it goes away, is released in the background. Waiters for the name then begin a little
/// later, and if Redis is away the lock expires by itself, at the latest a lease after its last renewal. No
/// error is reported. Keep the lease for as long as you need the lock: `_ = try await holdfast.acquire(…)`
/// holds nothing.
public final class Lease: Sendable {
    /// The fence of this grant; nil if it was acquired without one.
    package let fence: FencingToken?

    package let grant: Grant
    package let issuer: any LeaseIssuer

    package init(_ grant: Grant, fence: FencingToken?, issuer: any LeaseIssuer) {
        self.grant = grant
        self.fence = fence
        self.issuer = issuer
    }

    deinit {
        // Dropped without release: nobody can use it any longer, so it need not block others until it
        // expires.
        if grant.drop() { issuer.abandon(grant) }
    }

    /// The fence of this grant: higher than that of every earlier grant of the name. Let whatever is written
    /// under the lock refuse lower ones. No round trip.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/unfenced`` if the lock was acquired with
    ///   `fenced: false`.
    public var fencingToken: FencingToken {
        get throws {
            guard let fence else {
                throw HoldfastError(
                    .unfenced,
                    "the lock \(name) was acquired with fenced: false, so it has no fencing token to give to a resource"
                )
            }
            return fence
        }
    }

    /// The name of the lock.
    public var name: String { grant.name }

    /// How long the lease lives without renewal.
    public var duration: Duration { grant.term.duration }

    /// Whether the lease is ours at this moment, by the local deadline. No round trip.
    public var isHeld: Bool {
        grant.lease.isHeld(at: grant.clock.now)
    }

    /// The current status: held, with or without a warning, lost or released. No round trip.
    ///
    /// Once ``release()`` has been called the status is released, or lost if Redis answers that the lease had
    /// been lost.
    public var status: LeaseStatus {
        grant.lease.status(at: grant.clock.now)
    }

    /// The current status and each change of it; ends after ``LeaseStatus/lost(_:)`` or
    /// ``LeaseStatus/released``. No round trips.
    ///
    /// ```swift
    /// for await status in lease.statusChanges where status == .endangered { await job.saveProgress() }
    /// ```
    ///
    /// The last element arrives with the answer to ``release()``, since only that says whether the lease had
    /// been lost.
    ///
    /// Each call makes a sequence of its own, for one loop. The loop also ends when its task is cancelled. A
    /// loop that is slower than the changes misses old ones, never the newest. It does not keep the lease
    /// alive.
    public var statusChanges: some AsyncSequence<LeaseStatus, Never> & Sendable {
        grant.statusChanges()
    }

    /// How long the lease may still be believed if no renewal succeeds; zero once it is over. No round trip.
    public var remaining: Duration {
        let lease = grant.lease
        return lease.phase == .held ? max(lease.deadline - grant.clock.now, .zero) : .zero
    }

    /// Throws unless the lease is ours at this moment. No round trip.
    ///
    /// Call it before each step that must not happen without the lock. A process that is paused between this
    /// check and the step cannot notice; to be safe against that, give ``fencingToken`` to the resource.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/lost`` or ``HoldfastError/Code/released``.
    public func check() throws { try grant.check() }

    /// Releases the lock. One round trip; repeated, on the same token, while the outcome is unknown and the
    /// lease lasts. Cancellation does not interrupt it.
    ///
    /// ```swift
    /// do {
    ///     try await lease.release()
    /// } catch let error as HoldfastError where error.code == .lost {
    ///     // Somebody else may have held the name meanwhile.
    /// }
    /// ```
    ///
    /// A second call sends nothing: it waits until the first one has its answer, and ends in the same way.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/lost`` if the lease was already over: others may
    ///   have held the name meanwhile. ``HoldfastError/Code/unknownOutcome`` or
    ///   ``HoldfastError/Code/unavailable`` if Redis could not be asked, ``HoldfastError/Code/refused`` if it
    ///   refused: then the release is retried in the background, and the lock expires at the latest a lease
    ///   after its last renewal.
    public nonisolated(nonsending) func release() async throws { try await grant.release(by: issuer) }

    /// Waits for the end of the lease. Returns why it was lost, or nil if it was released or the task was
    /// cancelled.
    package func untilLost() async -> LossReason? {
        await grant.untilLost()
    }
}

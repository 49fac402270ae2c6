/// A name that is held: proof of ownership, its fence, and its end.
///
/// It is renewed in the background until it is released or lost. Ownership lies in this value alone, not in a
/// task or a thread: whoever has it may release it. One that is dropped without release, when the last reference to it
/// goes, is released in the background, with what that leaves open: who waits for the name begins a little later, and if
/// Redis is away the lock ends by itself, at the latest a lease after its last renewal. Nobody is told. Hold on to it for
/// as long as the lock is needed: `_ = try await holdfast.acquire(…)` holds nothing.
public final class Lease: Sendable {
    /// The fence of this grant; nil when it was acquired without one.
    package let fence: FencingToken?

    package let grant: Grant
    package let issuer: any LeaseIssuer

    package init(_ grant: Grant, fence: FencingToken?, issuer: any LeaseIssuer) {
        self.grant = grant
        self.fence = fence
        self.issuer = issuer
    }

    deinit {
        // Dropped without release: nobody can use it any more, so it need not block others until it expires.
        if grant.drop() { issuer.abandon(grant) }
    }

    /// The fence of this grant: higher than that of every grant of the name before. Let what is written under the lock
    /// refuse lower ones. No round trip.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/unfenced`` where the lock was acquired with `fenced: false`.
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

    /// How the lease stands at this moment: held, with or without a warning, lost or released. No round trip.
    ///
    /// From the call of ``release()`` on it is released, or lost where Redis answers that it was lost before.
    public var status: LeaseStatus {
        grant.lease.status(at: grant.clock.now)
    }

    /// The status now, and each change of it; ends after ``LeaseStatus/lost(_:)`` or
    /// ``LeaseStatus/released``. No round trips.
    ///
    /// ```swift
    /// for await status in lease.statusChanges where status == .endangered { await job.saveProgress() }
    /// ```
    ///
    /// The last element comes with the answer to ``release()``: only that says whether the lease was lost before.
    ///
    /// Each call makes a sequence of its own, for one loop. The loop also ends when its task is cancelled. One
    /// that is slower than the changes misses old ones, never the newest. It does not keep the lease alive.
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
    /// check and the step cannot notice: against that, give ``fencingToken`` to the resource.
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
    /// A second call asks nobody: it waits until the first one has its answer, and ends as that did.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/lost`` when the lease was over before: others may have held
    ///   the name meanwhile. ``HoldfastError/Code/unknownOutcome`` or ``HoldfastError/Code/unavailable`` when Redis
    ///   could not be asked, ``HoldfastError/Code/refused`` when it did not do it: then the release is tried again in
    ///   the background, and the lock ends at the latest a lease after its last renewal.
    public nonisolated(nonsending) func release() async throws { try await grant.release(by: issuer) }

    /// Waits for the end of the lease: why it was lost, or nil when it was released or the task was
    /// cancelled.
    package func untilLost() async -> LossReason? {
        await grant.untilLost()
    }
}

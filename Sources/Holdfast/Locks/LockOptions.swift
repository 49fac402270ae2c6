/// The less common settings of a lock.
///
/// ```swift
/// try await holdfast.withLock("tape-drive", options: LockOptions(lockDelay: .seconds(15))) { lease in
///     await job.saveProgress()
/// }
/// ```
public struct LockOptions: Hashable, Sendable {
    /// How much longer than the lease the name stays taken when its holder is lost: zero to 60 s; defaults to
    /// zero.
    ///
    /// For a resource that cannot compare fences: a write of the lost holder that is still under way gets
    /// this long to arrive before the next holder begins. It applies after the crash of a holder, after a
    /// lease that could not be renewed, after ``maximumHold``, and when a client that still holds the lock is
    /// closed; a release frees the name at once. The key in Redis lives that much longer than the holder
    /// believes in its lease, so clients of other kinds are kept out as well. The remaining time in refusals
    /// and inspections includes it.
    public var lockDelay: Duration
    /// How long the lock may be held in all, counted from the moment the acquisition was sent: at least the
    /// lease; no limit by default.
    ///
    /// After that the lease is lost with ``LossReason/heldTooLong``, whatever Redis says, so that work that
    /// hangs does not keep the name forever. The name is free once its key has expired: at the latest a lease
    /// and the ``lockDelay`` later.
    public var maximumHold: Duration?
    /// Whether to go ahead of everybody who already waits: they wait longer for it, and of several that barge
    /// in the first is served last. Defaults to false. An attempt that does not wait never overtakes waiters.
    public var barging: Bool

    /// Without arguments: no lock-delay, no maximum hold, and in line.
    public init(lockDelay: Duration = .zero, maximumHold: Duration? = nil, barging: Bool = false) {
        self.lockDelay = lockDelay
        self.maximumHold = maximumHold
        self.barging = barging
    }

    /// A lease with these settings.
    package func term(_ lease: Duration) throws(HoldfastError) -> LeaseTerm {
        try Settings.lockDelay.check(lockDelay)
        // The lease is the least.
        let maximumHold = try Setting("maximumHold", from: lease)(maximumHold)
        return LeaseTerm(lease, lockDelay: lockDelay, maximumHold: maximumHold)
    }
}

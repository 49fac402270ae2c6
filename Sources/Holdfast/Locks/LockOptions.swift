/// The less common settings of a lock.
///
/// ```swift
/// try await holdfast.withLock("tape-drive", options: LockOptions(lockDelay: .seconds(15))) { lease in
///     await job.saveProgress()
/// }
/// ```
public struct LockOptions: Hashable, Sendable {
    /// How much longer than the lease the name stays taken when its holder is lost; zero to 60 s, zero unless
    /// set.
    ///
    /// For a resource that cannot compare fences: a write that the lost holder has sent, and that is still
    /// under way, gets this time to arrive before the next holder begins. It holds after the crash of a holder,
    /// after a lease that could not be renewed, after ``maximumHold``, and when a client is closed that still
    /// holds it; a release frees the name at once.
    /// The key in Redis lives that much longer than the holder believes in its lease, so clients of other
    /// kinds are kept out as well. What refusals and inspection tell as remaining includes it.
    public var lockDelay: Duration
    /// How long the lock may be held in all, counted from the sending of the acquisition; at least the lease,
    /// without a limit unless set.
    ///
    /// After it the lease is lost with ``LossReason/heldTooLong``, whatever Redis says, so that work that hangs
    /// does not keep the name for ever. The name is free when its key has ended: at the latest a lease and the
    /// ``lockDelay`` later.
    public var maximumHold: Duration?
    /// Whether to go before all who wait already: they wait longer for it, and the first of several that barge
    /// in is served last. False unless set. An attempt that does not wait never overtakes those who do.
    public var barging: Bool

    /// No lock-delay, no maximum hold, and in line, but for what is given.
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

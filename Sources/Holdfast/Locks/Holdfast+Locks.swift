import RedisLink

extension Holdfast: LockProvider {
    /// Tries once to acquire a lock.
    ///
    /// - Parameters:
    ///   - name: what to lock: 1 to 512 bytes. Names are compared by their UTF-8 bytes.
    ///   - lease: how long the lock outlives its holder; 100 ms to 24 h, ``Holdfast/Configuration/lease`` unless set.
    ///   - fenced: whether the grant carries a fencing token. Without one it is a bare `SET NX PX`, which
    ///     costs the server less; a refusal then takes a second round trip.
    ///   - options: a lock-delay after a loss, a maximum hold; neither unless set.
    /// - Returns: the lease, or who holds the lock, since when and for how long still. One round trip.
    /// - Throws: a ``HoldfastError``; with ``HoldfastError/mayHaveHappened`` the lock may be held under a
    ///   token that nobody has, at the longest for `lease` and the lock-delay. `CancellationError` when the
    ///   task is cancelled; a grant that races with the cancellation is released in the background.
    public nonisolated(nonsending) func tryAcquire(
        _ name: String, lease: Duration? = nil, fenced: Bool = true, options: LockOptions = LockOptions()
    ) async throws -> Acquisition {
        try await core.keeper.tryAcquire(
            core.lockClaim(name, lease: lease, fenced: fenced, options: options))
    }

    /// Acquires a lock, waiting for it if it is held.
    ///
    /// Those who wait are served in the order they came, across all instances. Nobody polls: whoever releases
    /// the lock grants it to the next one in the same step. A holder that died costs the waiters the rest of
    /// its lease. One round trip where the lock is free; else one to queue up, and one to
    /// confirm the grant, which the caller need not wait for as a rule.
    ///
    /// - Parameters:
    ///   - name: as in ``tryAcquire(_:lease:fenced:options:)``.
    ///   - limit: how long to wait, from zero on; without a limit unless set. Counts from the call, and bounds the
    ///     wait for others: a server that does not answer is waited for as long as ``Holdfast/Configuration/commandTimeout``
    ///     says, also where the limit is shorter.
    ///   - lease: as in ``tryAcquire(_:lease:fenced:options:)``.
    ///   - fenced: as in ``tryAcquire(_:lease:fenced:options:)``.
    ///   - options: as in ``tryAcquire(_:lease:fenced:options:)``.
    /// - Throws: ``HoldfastError/Code/notAcquired``, with the holder, when the limit is over.
    ///   ``HoldfastError/Code/reentrant`` at once, inside the body of a `withLock` of the same name, also in a
    ///   task that the body has made. Else as ``tryAcquire(_:lease:fenced:options:)``.
    public nonisolated(nonsending) func acquire(
        _ name: String, waitingAtMost limit: Duration? = nil, lease: Duration? = nil, fenced: Bool = true,
        options: LockOptions = LockOptions()
    ) async throws -> Lease {
        try await core.waiting.acquire(
            core.lockWait(name, atMost: limit, lease: lease, fenced: fenced, options: options))
    }
}

extension Core {
    /// Not inlined: what it needs would stay in the frame of each caller that waits.
    @inline(never)
    func lockWait(
        _ name: String, atMost limit: Duration?, lease: Duration?, fenced: Bool, options: LockOptions
    ) throws(HoldfastError) -> LockWait {
        let claim = try lockClaim(name, lease: lease, fenced: fenced, options: options)
        try EnclosingLocks.refuse(claim, of: keeper)
        return LockWait(
            claim, atMost: try Settings.waitingAtMost(limit), clock: clock, barging: options.barging)
    }

    func lockClaim(
        _ name: String, lease: Duration?, fenced: Bool, options: LockOptions = LockOptions()
    ) throws(HoldfastError) -> LeaseClaim {
        let key = try keys.lock(name)
        let claim = LeaseClaim(
            lock: name, key: key, isFenced: fenced, token: instance.token(), lease: try term(lease, options))
        beats.begin()
        return claim
    }

    /// A lease as it was asked for, or as configured.
    func term(
        _ lease: Duration?, _ options: LockOptions = LockOptions()
    ) throws(HoldfastError) -> LeaseTerm {
        if lease == nil, options == LockOptions() { return self.lease }
        let lease = lease ?? configuration.lease
        try Settings.lease.check(lease)
        return try options.term(lease)
    }
}

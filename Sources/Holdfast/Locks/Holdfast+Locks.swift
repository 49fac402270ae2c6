import RedisLink

extension Holdfast: LockProvider {
    /// Tries once to acquire a lock.
    ///
    /// - Parameters:
    ///   - name: what to lock: 1 to 512 bytes. Names are compared by their UTF-8 bytes.
    ///   - lease: how long the lock outlives its holder, 100 ms to 24 h; defaults to
    ///     ``Holdfast/Configuration/lease``.
    ///   - fenced: whether the grant carries a fencing token. Without one it is a plain `SET NX PX`, which
    ///     costs the server less; a refusal then takes a second round trip.
    ///   - options: a lock-delay after a loss, a maximum hold; neither by default.
    /// - Returns: the lease, or who holds the lock, since when, and how long its lease still lasts. One round
    ///   trip.
    /// - Throws: a ``HoldfastError``; with ``HoldfastError/mayHaveHappened`` the lock may be held under a
    ///   token that nobody has, for at most `lease` plus the lock-delay. `CancellationError` if the task is
    ///   cancelled; a grant that races with the cancellation is released in the background.
    public nonisolated(nonsending) func tryAcquire(
        _ name: String, lease: Duration? = nil, fenced: Bool = true, options: LockOptions = LockOptions()
    ) async throws -> Acquisition {
        try await core.keeper.tryAcquire(
            core.lockClaim(name, lease: lease, fenced: fenced, options: options))
    }

    /// Acquires a lock, waiting for it if it is held.
    ///
    /// Waiters are served in the order of arrival, across all instances. Nobody polls: a release grants the
    /// lock to the next waiter in the same step. A holder that died costs the waiters the rest of its lease.
    /// One round trip if the lock is free; otherwise one to queue up and one to confirm the grant, which the
    /// caller usually need not wait for.
    ///
    /// - Parameters:
    ///   - name: as in ``tryAcquire(_:lease:fenced:options:)``.
    ///   - limit: how long to wait, at least zero; no limit by default. It counts from the call and bounds
    ///     the wait for other holders. The wait for a server that does not answer is bounded by
    ///     ``Holdfast/Configuration/commandTimeout``, even if the limit is shorter.
    ///   - lease: as in ``tryAcquire(_:lease:fenced:options:)``.
    ///   - fenced: as in ``tryAcquire(_:lease:fenced:options:)``.
    ///   - options: as in ``tryAcquire(_:lease:fenced:options:)``.
    /// - Throws: ``HoldfastError/Code/notAcquired``, with the holder, when the limit has passed.
    ///   ``HoldfastError/Code/reentrant``, at once, inside the body of a `withLock` of the same name or in a
    ///   task that the body has made. Otherwise like ``tryAcquire(_:lease:fenced:options:)``.
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

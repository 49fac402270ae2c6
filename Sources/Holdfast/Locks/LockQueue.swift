import RedisLink

/// A caller that waits for a lock, according to the lock's queue in Redis.
public struct LockWaiter: Sendable {
    /// The instance that waits.
    public let instanceID: String?
    /// The same, as it registered itself; nil if it is not, or no longer, registered.
    public let instance: Instance?
    /// How long it has waited, by the server's clock. For a waiter that went ahead of others
    /// (``LockOptions/barging``), how long the first of those has waited.
    public let waitingFor: Duration
    /// Whether it has been granted the lock and has not confirmed yet, which takes one round trip.
    public let isGranted: Bool
}

/// The waiters of a lock.
public struct LockWaiters: Sendable {
    /// The first of them, in order of arrival.
    public let first: [LockWaiter]
    /// How many there are in all.
    public let count: Int
}

extension Holdfast {
    /// Lists the waiters of a lock in order of arrival. Two round trips.
    ///
    /// Waiters of instances that died are listed until their turn comes.
    ///
    /// - Parameter limit: how many to list at most; defaults to 1000.
    public func waiters(of name: String, atMost limit: Int = 1000) async throws -> LockWaiters {
        let lock = try core.keys.lock(name)
        return try await core.inspecting("listing the waiters of \(name)") { () async throws(RedisError) in
            let instances = try await core.knownInstances()
            let answer = try await core.link.call(.waiters(ofLock: lock, limit: limit))
            let waiters = answer.first.map { waiter in
                let id = waiter.token.flatMap(Instance.id(inToken:))
                return LockWaiter(
                    instanceID: id, instance: id.flatMap { instances[$0] }, waitingFor: waiter.waitingFor,
                    isGranted: waiter.isGranted)
            }
            return LockWaiters(first: waiters, count: answer.count)
        }
    }

    /// Takes a lock away from its holder: for an operator who knows that the holder is gone for good.
    ///
    /// The holder is not asked. It finds out at its next renewal, within a third of its lease, and may keep
    /// working until then. So the fence is raised: whatever compares fences refuses that holder as soon as
    /// the next one has written. One round trip.
    ///
    /// - Parameter lock: as returned by ``lockStatus(_:)``.
    /// - Returns: false if that holder no longer holds the lock; then nothing was done.
    public func forceRelease(_ lock: LockStatus) async throws -> Bool {
        try await forceRelease(lock.name, token: lock.holder.token)
    }

    /// Like ``forceRelease(_:)``, for a holder that is known by its token, the value of the lock's key.
    public func forceRelease(_ name: String, token: String) async throws -> Bool {
        try await forceRelease(name, token: Array(token.utf8))
    }

    /// Like ``forceRelease(_:)``, for a holder that is known by its token, which need not be text, since
    /// other clients write what they like.
    public func forceRelease(_ name: String, token: [UInt8]) async throws -> Bool {
        let key = try core.keys.lock(name)
        return try await core.inspecting("taking the lock \(name) from its holder") {
            () async throws(RedisError) in
            try await core.link.call(
                .forceRelease(lock: key, token: token, wakeChannels: core.keys.wakeChannels))
        }
    }
}

import RedisLink

/// A caller that waits for a lock, as the lock's queue in Redis tells.
public struct LockWaiter: Sendable {
    /// The instance that waits.
    public let instanceID: String?
    /// The same, as it registered itself; nil when it is not registered (any more).
    public let instance: Instance?
    /// For how long it has waited, by the server's clock. For one that went before others (``LockOptions/barging``):
    /// for how long the first of those has.
    public let waitingFor: Duration
    /// Whether it was granted the lock and has not confirmed yet: a matter of one round trip.
    public let isGranted: Bool
}

/// Those who wait for a lock.
public struct LockWaiters: Sendable {
    /// The first of them, first come first.
    public let first: [LockWaiter]
    /// How many there are in all.
    public let count: Int
}

extension Holdfast {
    /// Who waits for a lock, first come first. Two round trips.
    ///
    /// Callers of instances that died are listed until their turn comes.
    ///
    /// - Parameter limit: how many to tell at most; 1000 unless set.
    public func waiters(of name: String, atMost limit: Int = 1000) async throws -> LockWaiters {
        let lock = try core.keys.lock(name)
        return try await core.inspecting("looking who waits for \(name)") { () async throws(RedisError) in
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

    /// Takes a lock from its holder, whoever that is: for an operator who knows that the holder is gone for good.
    ///
    /// The holder is not asked. It finds out at its next renewal, within a third of its lease, and may work until
    /// then. So the fence is raised: whatever compares fences refuses it as soon as the next holder has come. One
    /// round trip.
    ///
    /// - Parameter lock: as ``lockStatus(_:)`` told it.
    /// - Returns: false when that holder does not hold it any more; then nothing was done.
    public func forceRelease(_ lock: LockStatus) async throws -> Bool {
        try await forceRelease(lock.name, token: lock.holder.token)
    }

    /// As ``forceRelease(_:)``, for a holder that is known by its token, the value of the lock's key.
    public func forceRelease(_ name: String, token: String) async throws -> Bool {
        try await forceRelease(name, token: Array(token.utf8))
    }

    /// As ``forceRelease(_:)``, for a holder that is known by its token, which need not be text: other clients write
    /// what they like.
    public func forceRelease(_ name: String, token: [UInt8]) async throws -> Bool {
        let key = try core.keys.lock(name)
        return try await core.inspecting("taking the lock \(name) from its holder") {
            () async throws(RedisError) in
            try await core.link.call(
                .forceRelease(lock: key, token: token, wakeChannels: core.keys.wakeChannels))
        }
    }
}

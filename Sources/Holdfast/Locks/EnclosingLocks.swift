import RedisLink

/// The locks that are held around the current task, by each
/// ``LockProvider/withLock(_:waitingAtMost:lease:fenced:options:_:)`` in whose body it runs, the innermost
/// first.
///
/// Code that waits in such a body for the same lock waits for its own end. Tasks inherit the list, child
/// tasks and `Task { … }` alike, so it is known wherever the body's work has moved; `Task.detached` starts
/// without it.
package final class EnclosingLocks: Sendable {
    @TaskLocal package static var current: EnclosingLocks?

    private let lease: Lease
    private let outer: EnclosingLocks?

    init(_ lease: Lease, outer: EnclosingLocks?) {
        self.lease = lease
        self.outer = outer
    }

    /// Throws ``HoldfastError/Code/reentrant`` if `claim` would wait for a lock that is held around this task.
    /// A lease that is over holds nobody up.
    package static func refuse(_ claim: LeaseClaim, of issuer: any LeaseIssuer) throws(HoldfastError) {
        var next = current
        while let lock = next {
            if lock.lease.issuer === issuer, lock.lease.grant.key.isExactly(claim.key),
                lock.lease.isHeld
            {
                throw HoldfastError(
                    .reentrant,
                    "the lock \(claim.name) is held by this very task, in the body of withLock: waiting for it "
                        + "would never end. Locks are not reentrant: pass the lease on instead, or ask once by "
                        + "tryAcquire")
            }
            next = lock.outer
        }
    }
}

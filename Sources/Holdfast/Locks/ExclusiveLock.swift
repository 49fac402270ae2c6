/// A lock with one holder, which stands beside its fence and its queue.
struct ExclusiveLock: LeaseKind {
    let key: String
    var fenceKey: String { KeySpace.fence(ofLock: key) }
    var waitersKey: String? { KeySpace.waiters(ofLock: key) }
}

extension LeaseClaim {
    /// A claim on the lock `name`.
    package convenience init(
        lock name: String, key: String, isFenced: Bool = true, token: String, lease: LeaseTerm
    ) {
        self.init(name, ExclusiveLock(key: key), isFenced: isFenced, token: token, lease: lease)
    }
}

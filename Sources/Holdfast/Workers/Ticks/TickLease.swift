/// One of the runs of a worker that may go on at the same time.
struct TickLease: LeaseKind {
    let key: String
    /// All runs of the worker share it.
    let fenceKey: String
    /// The first one's lock is like any other: somebody may wait for it.
    let isFirst: Bool
    var waitersKey: String? { isFirst ? KeySpace.waiters(ofLock: key) : nil }
}

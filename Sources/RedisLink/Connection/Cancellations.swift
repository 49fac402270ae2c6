import Synchronization

/// The calls that were cancelled and have not ended: a cancellation may reach the link's thread before its
/// command does.
///
/// For any thread. While nothing is cancelled, a check costs one atomic load.
struct Cancellations: ~Copyable, Sendable {
    private let ids = Mutex<Set<UInt64>>([])
    private let count = Atomic<Int>(0)

    func add(_ id: UInt64) {
        ids.withLock { _ = $0.insert(id) }
        count.add(1, ordering: .releasing)
    }

    func contains(_ id: UInt64) -> Bool {
        count.load(ordering: .acquiring) > 0 && ids.withLock { $0.contains(id) }
    }

    /// The call has ended. Its cancellation handler has finished, or will never run.
    func remove(_ id: UInt64) {
        guard contains(id) else { return }
        ids.withLock { _ = $0.remove(id) }
        count.subtract(1, ordering: .releasing)
    }
}

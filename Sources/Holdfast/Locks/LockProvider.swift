/// Something that provides locks: ``Holdfast`` with Redis, or whatever takes its place in the unit tests of a
/// service.
///
/// ```swift
/// struct Invoicing {
///     let locks: any LockProvider
///     let ledger: Ledger
///
///     func close(_ month: String) async throws {
///         try await locks.withLock("invoices-\(month)") { lease in
///             try await ledger.append("closed \(month)", fence: lease.fencingToken)
///         }
///     }
/// }
/// ```
///
/// All providers keep the contract that ``Holdfast`` describes: one holder at a time, fences that rise,
/// waiters served in the order of arrival, and leases that are renewed while they are held and end when they
/// cannot be. With a provider without Redis nothing is ever unknown or unavailable.
///
/// A type of your own may conform by passing on the leases of another provider, to count or trace them for
/// example. In tests `Lease.forTest` and `Holder.forTest` of `HoldfastTesting` make its answers.
public protocol LockProvider: Sendable {
    /// Tries once to acquire a lock; see ``Holdfast/tryAcquire(_:lease:fenced:options:)``.
    nonisolated(nonsending) func tryAcquire(
        _ name: String, lease: Duration?, fenced: Bool, options: LockOptions
    ) async throws -> Acquisition

    /// Acquires a lock, waiting for it if it is held: see
    /// ``Holdfast/acquire(_:waitingAtMost:lease:fenced:options:)``.
    nonisolated(nonsending) func acquire(
        _ name: String, waitingAtMost limit: Duration?, lease: Duration?, fenced: Bool, options: LockOptions
    ) async throws -> Lease
}

extension LockProvider {
    /// Tries once to acquire a lock, with a fence; see ``Holdfast/tryAcquire(_:lease:fenced:options:)``.
    public nonisolated(nonsending) func tryAcquire(
        _ name: String, lease: Duration? = nil, options: LockOptions = LockOptions()
    ) async throws -> Acquisition {
        try await tryAcquire(name, lease: lease, fenced: true, options: options)
    }

    /// Acquires a lock, with a fence, waiting for it if it is held: see
    /// ``Holdfast/acquire(_:waitingAtMost:lease:fenced:options:)``.
    public nonisolated(nonsending) func acquire(
        _ name: String, waitingAtMost limit: Duration? = nil, lease: Duration? = nil,
        options: LockOptions = LockOptions()
    ) async throws -> Lease {
        try await acquire(name, waitingAtMost: limit, lease: lease, fenced: true, options: options)
    }

    /// Runs `body` while holding a lock.
    ///
    /// The body runs as a child task on the caller's actor, whose state it may use. If the lease is lost,
    /// that task is cancelled at once. The lock is released in any case, even if the calling task is
    /// cancelled.
    ///
    /// - Parameters:
    ///   - name: as in ``Holdfast/tryAcquire(_:lease:fenced:options:)``.
    ///   - limit: as in ``Holdfast/acquire(_:waitingAtMost:lease:fenced:options:)``.
    ///   - lease: as in ``Holdfast/tryAcquire(_:lease:fenced:options:)``.
    ///   - fenced: as in ``Holdfast/tryAcquire(_:lease:fenced:options:)``.
    ///   - options: as in ``Holdfast/tryAcquire(_:lease:fenced:options:)``.
    ///   - body: the work. It gets the lease, for its fencing token and ``Lease/check()``.
    /// - Throws: what the acquisition or `body` throws. If the lease was lost before `body` ended:
    ///   ``HoldfastError/Code/lost``, whatever `body` did, with its error as ``HoldfastError/underlying``:
    ///   another holder may have worked at the same time.
    public nonisolated(nonsending) func withLock<Result: Sendable>(
        _ name: String, waitingAtMost limit: Duration? = nil, lease: Duration? = nil, fenced: Bool = true,
        options: LockOptions = LockOptions(),
        _ body: nonisolated(nonsending) (Lease) async throws -> Result
    ) async throws -> Result {
        let lease = try await acquire(
            name, waitingAtMost: limit, lease: lease, fenced: fenced, options: options)
        let locks = EnclosingLocks(lease, outer: .current)
        return try await EnclosingLocks.$current.withValue(locks) {
            try await lease.whileHeld(body)
        }
    }
}

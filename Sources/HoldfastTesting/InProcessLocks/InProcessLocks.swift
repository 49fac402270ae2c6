public import Holdfast
public import Logging

/// Locks within this process only: for the unit tests of a service, without a server.
///
/// ```swift
/// let locks = try InProcessLocks(logger: logger)
/// let invoicing = Invoicing(locks: locks)      // takes any LockProvider; Holdfast in production
/// ```
///
/// The contract is that of ``Holdfast``: one holder at a time, fences that rise, waiters served in the order
/// they came, leases that are renewed while they are held. Two processes with an `InProcessLocks` each can
/// hold the same name at the same time, so it logs at its start what it is. Nothing here fails for want of a
/// server; what can still happen to a holder, a test makes happen: ``lose(_:)``, ``stopRenewals()``.
public final class InProcessLocks: LockProvider {
    /// The instance that the holders of its refusals name.
    public let instance: Instance

    private let configuration: Holdfast.Configuration
    private let keys: KeySpace
    private let keeper: InProcessKeeper

    /// - Parameters:
    ///   - configuration: its ``Holdfast/Configuration/lease`` is the default lease of a lock.
    ///   - logger: where it warns at once that its locks exist in this process only.
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/invalidArgument`` for an invalid lease.
    public init(configuration: Holdfast.Configuration = Holdfast.Configuration(), logger: Logger) throws {
        self.configuration = try configuration.validated()
        keys = try KeySpace(namespace: "in-process")
        instance = Instance(service: configuration.service, version: configuration.version)
        var logger = logger
        logger[metadataKey: "holdfast.instance"] = .string(instance.id)
        keeper = InProcessKeeper(logger: logger)
        logger.warning(
            "InProcessLocks exist in this process only: other processes can hold the same names at the same time"
        )
    }

    /// See ``Holdfast/tryAcquire(_:lease:fenced:options:)``. No round trip.
    public nonisolated(nonsending) func tryAcquire(
        _ name: String, lease: Duration? = nil, fenced: Bool = true, options: LockOptions = LockOptions()
    ) async throws -> Acquisition {
        try keeper.tryAcquire(claim(name, lease, fenced, options))
    }

    /// See ``Holdfast/acquire(_:waitingAtMost:lease:fenced:options:)``. No round trip.
    public nonisolated(nonsending) func acquire(
        _ name: String, waitingAtMost limit: Duration? = nil, lease: Duration? = nil, fenced: Bool = true,
        options: LockOptions = LockOptions()
    ) async throws -> Lease {
        let claim = try claim(name, lease, fenced, options)
        try EnclosingLocks.refuse(claim, of: keeper)
        let deadline = try Settings.waitingAtMost(limit).map { ContinuousClock.now + $0 }
        switch try await keeper.acquire(claim, until: deadline, barging: options.barging) {
        case .acquired(let lease): return lease
        case .refused(let holder): throw HoldfastError.notAcquired(name, within: limit, holder)
        }
    }

    private func claim(
        _ name: String, _ lease: Duration?, _ fenced: Bool, _ options: LockOptions
    ) throws(HoldfastError) -> LeaseClaim {
        let lease = lease ?? configuration.lease
        try Settings.lease.check(lease)
        return LeaseClaim(
            lock: name, key: try keys.lock(name), isFenced: fenced, token: instance.token(),
            lease: try options.term(lease))
    }
}

/// What a test can look at, and what it can make happen.
extension InProcessLocks {
    /// The names that are held at this moment, in order.
    public var heldNames: [String] { keeper.heldNames }

    /// How many callers wait for a name at this moment; zero for an invalid name.
    public func waiterCount(of name: String) -> Int {
        (try? keys.lock(name)).map { keeper.waiterCount(of: $0) } ?? 0
    }

    /// Takes a lock from its holder, as if Redis had lost it: its lease is lost at once
    /// (``LossReason/taken``), and the first waiter gets the name. Returns false if nobody held it.
    @discardableResult
    public func lose(_ name: String) -> Bool {
        (try? keys.lock(name)).map { keeper.lose($0) } ?? false
    }

    /// Lets every renewal fail from now on, as if Redis were out of reach: leases are suspended, and lost at
    /// their deadlines (``LossReason/expired``).
    public func stopRenewals() { keeper.setRenews(false) }

    /// Lets renewals succeed again. A lease that has not been lost by then is held again, at the latest a
    /// twentieth of its length later.
    public func resumeRenewals() { keeper.setRenews(true) }
}

extension InProcessLocks: CustomStringConvertible {
    /// The locks that are held.
    public var description: String {
        "InProcessLocks(in this process only, not across processes; held: \(heldNames))"
    }
}

/// The outcome of a call of ``Holdfast/once(_:in:lease:retention:made:_:)``.
public enum OnceOutcome<Result: Sendable>: Sendable {
    /// This call did it.
    case executed(Result)
    /// It had been done before, with this result.
    case alreadyDone(Result)
    /// Somebody else is doing it. If they fail or die, the id becomes free again.
    case inProgressElsewhere(Holder)
}

/// The claim on an id, as the body of ``Holdfast/once(_:in:lease:retention:made:_:)`` gets it.
public struct OnceClaim: Sendable {
    /// The id that is done once.
    public let id: String
    /// The scope in which the id is unique.
    public let scope: String
    let namespace: String
    package let lease: Lease

    package init(id: String, scope: String, namespace: String, lease: Lease) {
        self.id = id
        self.scope = scope
        self.namespace = namespace
        self.lease = lease
    }

    /// Higher than that of every earlier claim in this scope. Let whatever the body writes to refuse lower
    /// ones.
    public var fencingToken: FencingToken {
        guard let token = lease.fence else { preconditionFailure("an id was claimed without a fence") }
        return token
    }

    /// The same for all attempts at this id, and different from that of every other id: for a remote API that
    /// takes an idempotency key.
    ///
    /// `<namespace>/once/<scope>/<id>`; otherwise as ``Delivery/idempotencyKey``.
    public var idempotencyKey: String { IdempotencyKey.text(namespace, .once, scope, id) }

    /// How long the claim may still be believed if no renewal succeeds. No round trip.
    public var remaining: Duration { lease.remaining }

    /// Throws unless the claim is held at this moment. Call it before each step that must not be done by two
    /// instances. No round trip.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/lost``.
    public func check() throws { try lease.check() }
}

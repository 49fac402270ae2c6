/// How a lease stands, as its holder can tell without asking Redis.
///
/// ```
/// held ──▶ suspended ──▶ endangered ──▶ lost
///   ▲          │             │
///   └──────────┴─────────────┘  a renewal succeeds
/// ```
///
/// `suspended` and `endangered` are warnings: the lock is ours, and nobody else is granted it. What has to
/// happen under the lock should come to an end, or to a point where it can be given up.
@nonexhaustive
public enum LeaseStatus: Hashable, Sendable {
    /// Ours; renewals succeed.
    case held
    /// Ours, but the last renewal failed, or half of the lease has passed without one that succeeded. Redis
    /// may be out of reach; renewing is tried again until the deadline.
    case suspended
    /// Ours, but only a third of the lease is left, or so much until its maximum hold: the last warning.
    case endangered
    /// Over, although nobody released it: others may hold the name.
    case lost(LossReason)
    /// Over: it was released.
    case released

    /// Whether the lease is ours.
    public var isHeld: Bool {
        switch self {
        case .held, .suspended, .endangered: true
        case .lost, .released: false
        }
    }
}

/// Why a lease ended although nobody released it.
@nonexhaustive
public enum LossReason: Hashable, Sendable, CustomStringConvertible {
    /// It could not be renewed before its local deadline, which lies before the server's.
    case expired
    /// Redis says that it is not ours any more: it expired there, or somebody deleted or took it.
    case taken
    /// It was held as long as ``LockOptions/maximumHold`` allows.
    case heldTooLong
    /// This client was closed.
    case closed

    /// The reason for people.
    public var description: String {
        switch self {
        case .expired: "it could not be renewed before its deadline"
        case .taken: "Redis no longer has it as ours: it expired there, or was deleted or taken over"
        case .heldTooLong: "it was held for its maximum time"
        case .closed: "the client was closed"
        }
    }
}

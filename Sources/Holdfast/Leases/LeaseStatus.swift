/// The status of a lease, as its holder can tell it without asking Redis.
///
/// ```
/// held ──▶ suspended ──▶ endangered ──▶ lost
///   ▲          │             │
///   └──────────┴─────────────┘  a renewal succeeds
/// ```
///
/// `suspended` and `endangered` are warnings: the lock is still ours, and nobody else is granted it. Work
/// under the lock should finish soon, or reach a point where it can be abandoned.
@nonexhaustive
public enum LeaseStatus: Hashable, Sendable {
    /// Ours; renewals succeed.
    case held
    /// Ours, but the last renewal failed, or half of the lease has passed without one that succeeded. Redis
    /// may be out of reach; renewing is tried again until the deadline.
    case suspended
    /// Ours, but only a third of the lease is left, or that much time until the maximum hold: the last
    /// warning.
    case endangered
    /// Over without having been released: others may hold the name.
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

/// Why a lease ended without having been released.
@nonexhaustive
public enum LossReason: Hashable, Sendable, CustomStringConvertible {
    /// It could not be renewed before its local deadline, which lies before the server's.
    case expired
    /// Redis says that it is no longer ours: it expired there, or somebody deleted or took it.
    case taken
    /// It was held as long as ``LockOptions/maximumHold`` allows.
    case heldTooLong
    /// The client was closed.
    case closed

    /// The reason, for people.
    public var description: String {
        switch self {
        case .expired: "it could not be renewed before its deadline"
        case .taken: "Redis no longer has it as ours: it expired there, or was deleted or taken over"
        case .heldTooLong: "it was held for its maximum time"
        case .closed: "the client was closed"
        }
    }
}

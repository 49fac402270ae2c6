import RedisLink

/// A table in a transactional database that remembers which messages had their effect there: effect class E2.
///
/// The row that says "this one is done" and the effect are written in one transaction, so both are there or neither
/// is. A message that is handed out again, because its process died between that transaction and the commit in
/// Redis, finds the row and has no second effect.
///
/// ```swift
/// holdfast.handle(orders) { order, delivery in
///     try await delivery.commit(in: inbox) { database in
///         try database.execute(
///             sql: "UPDATE users SET spent_cents = spent_cents + ? WHERE id = ?",
///             arguments: [order.cents, order.user])
///     }
/// }
/// ```
///
/// An inbox belongs to one namespace: queues of two that are called alike would take each other's ids for their own.
///
/// The product HoldfastGRDB has one for SQLite; docs/inbox.md has the SQL, and what else an adapter to another database
/// must see to. ``Delivery/commit(in:guarding:_:)``, ``Tick/commit(in:fenced:_:)`` and
/// ``OnceClaim/commit(in:guarding:_:)`` use it.
public protocol Inbox: Sendable {
    /// What makes the effect: a closure that gets the open transaction, `@Sendable (Database) throws -> Void` with
    /// GRDB, an asynchronous one with a driver that is asynchronous.
    associatedtype Effect: Sendable

    /// Makes the effect and writes the entry's row in one transaction, or does neither.
    ///
    /// In this order: refuses where what the entry's fence guards was written under a higher fence; stops where the entry's row is
    /// there; makes the effect. What the effect throws undoes the transaction and is thrown.
    func commit(_ entry: InboxEntry, _ effect: Effect) async throws -> InboxOutcome
}

/// What an inbox remembers of one message, tick or id. Scopes, ids and resources differ where their UTF-8 bytes do.
public struct InboxEntry: Hashable, Sendable {
    /// The highest fence that has written a resource, kept beside it.
    public struct Fence: Hashable, Sendable {
        /// What is guarded, the same for all who write it: by the fences of one queue, one worker or one scope, since
        /// those of two do not compare.
        public let resource: String
        /// Refused if a higher one has written; the same may write again.
        public let token: FencingToken

        /// The fence `token` of what is guarded as `resource`.
        public init(_ resource: String, _ token: FencingToken) {
            self.resource = resource
            self.token = token
        }
    }

    /// What the id is unique in: `queue:orders`, `worker:passive-user-checker`, `once:stripe`.
    public let scope: String
    /// The same at every attempt.
    public let id: String
    /// Keeps out who is late; nil where only repetitions are kept out.
    public let fence: Fence?

    /// What a handler, a run or a body of `once` commits; `Inbox.commit` gets it.
    public init(scope: String, id: String, fence: Fence? = nil) {
        self.scope = scope
        self.id = id
        self.fence = fence
    }
}

extension InboxEntry {
    /// By the bytes of their texts.
    public static func == (one: InboxEntry, other: InboxEntry) -> Bool {
        one.scope.isExactly(other.scope) && one.id.isExactly(other.id) && one.fence == other.fence
    }

    /// By the bytes of its texts.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ExactText(scope))
        hasher.combine(ExactText(id))
        hasher.combine(fence)
    }
}

extension InboxEntry.Fence {
    /// By the bytes of their texts.
    public static func == (one: Self, other: Self) -> Bool {
        one.resource.isExactly(other.resource) && one.token == other.token
    }

    /// By the bytes of its texts.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ExactText(resource))
        hasher.combine(token)
    }
}

/// What became of a call of ``Inbox/commit(_:_:)``.
public enum InboxOutcome: Hashable, Sendable {
    /// This call made the effect.
    case committed
    /// It was made before, and is not made again.
    case alreadyCommitted
    /// A holder with a higher fence has written the guarded resource: this one's claim is over, and nothing was written.
    case refused
}

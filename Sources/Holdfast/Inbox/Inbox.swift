import RedisLink

/// A table in a transactional database that remembers which messages have had their effect there: effect
/// class E2.
///
/// The row that says "this one is done" and the effect are written in one transaction, so either both are
/// there or neither is. A message that is handed out again, because its process died between that transaction
/// and the commit in Redis, finds the row and has no second effect.
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
/// An inbox belongs to one namespace: queues of the same name in two namespaces would mistake each other's
/// ids for their own.
///
/// The product HoldfastGRDB has one for SQLite; docs/inbox.md has the SQL, and what else an adapter to another database
/// must see to. ``Delivery/commit(in:guarding:_:)``, ``Tick/commit(in:fenced:_:)`` and
/// ``OnceClaim/commit(in:guarding:_:)`` use it.
public protocol Inbox: Sendable {
    /// The closure that makes the effect in the open transaction: `@Sendable (Database) throws -> Void` with
    /// GRDB, an asynchronous one with an asynchronous driver.
    associatedtype Effect: Sendable

    /// Makes the effect and writes the entry's row in one transaction, or does neither.
    ///
    /// In this order: it refuses if the guarded resource was written under a higher fence, stops if the
    /// entry's row exists, and makes the effect. If the effect throws, the transaction is rolled back and the
    /// error is thrown.
    func commit(_ entry: InboxEntry, _ effect: Effect) async throws -> InboxOutcome
}

/// What an inbox remembers of one message, tick or id. Scopes, ids and resources differ where their UTF-8 bytes do.
public struct InboxEntry: Hashable, Sendable {
    /// The highest fence that has written a resource, kept beside it.
    public struct Fence: Hashable, Sendable {
        /// The guarded resource, named the same by everybody who writes it. It must be guarded by the fences
        /// of one queue, one worker or one scope, since those of two cannot be compared.
        public let resource: String
        /// A write is refused if a higher fence has written; the same fence may write again.
        public let token: FencingToken

        /// The fence `token` of what is guarded as `resource`.
        public init(_ resource: String, _ token: FencingToken) {
            self.resource = resource
            self.token = token
        }
    }

    /// The scope in which the id is unique: `queue:orders`, `worker:passive-user-checker`, `once:stripe`.
    public let scope: String
    /// The same at every attempt.
    public let id: String
    /// Keeps out late writers; nil where only repetitions are kept out.
    public let fence: Fence?

    /// What a handler, a run or a body of `once` commits, for `Inbox.commit`.
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

/// The outcome of a call of ``Inbox/commit(_:_:)``.
public enum InboxOutcome: Hashable, Sendable {
    /// This call made the effect.
    case committed
    /// It was made before, and is not made again.
    case alreadyCommitted
    /// A holder with a higher fence has written the guarded resource: the caller's claim is over, and nothing
    /// was written.
    case refused
}

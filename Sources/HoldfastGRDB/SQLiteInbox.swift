#if GRDB
    public import Foundation
    public import GRDB
    public import Holdfast

    /// An ``Inbox`` in SQLite, through GRDB: effects of messages, ticks and ids in your own database, exactly
    /// once.
    ///
    /// ```swift
    /// let inbox = SQLiteInbox(database)
    /// try await database.write { try SQLiteInbox.createTables(in: $0) }
    ///
    /// holdfast.handle(orders) { order, delivery in
    ///     try await delivery.commit(in: inbox) { database in
    ///         try database.execute(
    ///             sql: "UPDATE users SET spent_cents = spent_cents + ? WHERE id = ?",
    ///             arguments: [order.cents, order.user])
    ///     }
    /// }
    /// ```
    ///
    /// GRDB begins a write with `BEGIN IMMEDIATE`: of two transactions, the second waits for the first, and
    /// then finds its row. If several processes share the file, set `Configuration.busyMode` to a timeout, or
    /// the second one fails at once. A cancelled task's transaction is rolled back, unless it was already
    /// committed.
    ///
    /// docs/inbox.md explains how it works, and what to write for another database.
    public struct SQLiteInbox: Inbox {
        /// The closure that makes the effect: it receives the open transaction.
        public typealias Effect = @Sendable (Database) throws -> Void

        private let database: any DatabaseWriter

        /// An inbox in `database`, which must have its tables: see ``createTables(in:)``.
        public init(_ database: any DatabaseWriter) {
            self.database = database
        }

        /// Creates the tables `inbox` and `guards`, unless they exist: for a migration, or at each start.
        ///
        /// Runs in the transaction of `database`. None of their columns will change its meaning; a later
        /// version may add some.
        public static func createTables(in database: Database) throws {
            try database.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS inbox (
                        scope TEXT NOT NULL,
                        id TEXT NOT NULL,
                        committed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                        PRIMARY KEY (scope, id)
                    );
                    CREATE TABLE IF NOT EXISTS guards (resource TEXT PRIMARY KEY, fence BIGINT NOT NULL);
                    """)
        }

        /// See `Inbox.commit(_:_:)`. One write transaction.
        public func commit(_ entry: InboxEntry, _ effect: @escaping Effect) async throws -> InboxOutcome {
            try await database.write { database in
                if let fence = entry.fence {
                    try database.execute(
                        sql: """
                            INSERT INTO guards (resource, fence) VALUES (:resource, :fence)
                            ON CONFLICT (resource) DO UPDATE SET fence = excluded.fence
                            WHERE guards.fence <= excluded.fence
                            """,
                        arguments: ["resource": fence.resource, "fence": fence.token])
                    guard database.changesCount == 1 else { return .refused }
                }
                try database.execute(
                    sql: "INSERT INTO inbox (scope, id) VALUES (:scope, :id) ON CONFLICT DO NOTHING",
                    arguments: ["scope": entry.scope, "id": entry.id])
                guard database.changesCount == 1 else { return .alreadyCommitted }
                try effect(database)
                return .committed
            }
        }

        /// Deletes the rows of everything committed before `date`, by the clock of the host that committed
        /// it.
        ///
        /// Keep the rows of everything that may come again; keeping a month is cheap. Call it from a periodic
        /// worker, once a day.
        public func forget(before date: Date) async throws {
            try await database.write { database in
                try database.execute(
                    sql: "DELETE FROM inbox WHERE committed_at < :before", arguments: ["before": date])
            }
        }
    }
#endif

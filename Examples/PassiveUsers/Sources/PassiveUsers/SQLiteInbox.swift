import Foundation
import GRDB
import Holdfast

/// The inbox of docs/inbox.md in SQLite, by GRDB.
///
/// GRDB begins a write with `BEGIN IMMEDIATE`: of two transactions the second waits for the first, and then finds its
/// row. A cancelled task's transaction is rolled back, or was committed before.
struct SQLiteInbox: Inbox {
    typealias Effect = @Sendable (Database) throws -> Void

    let database: any DatabaseWriter

    static let schema = """
        CREATE TABLE IF NOT EXISTS inbox (
            scope TEXT NOT NULL,
            id TEXT NOT NULL,
            committed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
            PRIMARY KEY (scope, id)
        );
        CREATE TABLE IF NOT EXISTS guards (resource TEXT PRIMARY KEY, fence BIGINT NOT NULL);
        """

    func commit(_ entry: InboxEntry, _ effect: @escaping Effect) async throws -> InboxOutcome {
        try await database.write { database in
            if let `guard` = entry.guard {
                try database.execute(
                    sql: """
                        INSERT INTO guards (resource, fence) VALUES (:resource, :fence)
                        ON CONFLICT (resource) DO UPDATE SET fence = excluded.fence
                        WHERE guards.fence <= excluded.fence
                        """,
                    arguments: ["resource": `guard`.resource, "fence": `guard`.fence.rawValue])
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

    /// Deletes the rows of what was committed before `date`: what may come again must not be older.
    func forget(before date: Date) async throws {
        try await database.write { database in
            try database.execute(
                sql: "DELETE FROM inbox WHERE committed_at < :before", arguments: ["before": date])
        }
    }
}

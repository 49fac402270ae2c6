internal import Foundation
internal import GRDB

/// The record of effects in SQLite that all processes of a simulation share (write-ahead log, one writer at a
/// time).
///
/// It plays two parts of a real service: the transactional database with an inbox that gives messages their
/// effect class E2, and the fenced resource that a periodic worker writes to.
///
/// No call stops when its task is cancelled: like any step in progress, a write that has begun is finished,
/// even by a handler that lost its claim while it was frozen. That case is what the inbox and the fence are
/// for.
///
/// Whatever SQLite throws is thrown as a ``RecordError``.
package final class EffectLedger: Sendable {
    private let path: String
    private let database: DatabaseQueue

    /// Opens the ledger, and creates it if necessary.
    package init(path: String) throws {
        self.path = path
        database = try RecordError.wrapping("cannot open", path) {
            let database = try DatabaseQueue(path: path, configuration: LedgerSchema.configuration())
            try database.write { try $0.execute(sql: LedgerSchema.statements) }
            return database
        }
    }

    package func close() throws {
        try database.close()
    }

    /// Records an instance, which reports that it is up.
    package func register(_ author: Author) async throws {
        try await transact { database in
            try database.execute(
                sql: "INSERT INTO instances (slot, pid, at) VALUES (?, ?, ?)",
                arguments: [author.slot, author.pid, BootClock.now()]
            )
        }
    }

    package enum Outcome: String, Codable, Sendable {
        /// This call applied the effect.
        case applied
        /// The inbox knew the message: its effect was done before, and nothing was changed.
        case absorbed
    }

    /// Effect class E2: the inbox row and the effect in one transaction.
    ///
    /// - Parameter askingInbox: false applies the effect whatever the inbox says, which is wrong.
    package func apply(
        _ effect: Effect, by author: Author, askingInbox: Bool = true
    ) async throws -> Outcome {
        try await transact { database in
            try database.cachedStatement(sql: "INSERT OR IGNORE INTO inbox (message) VALUES (?)")
                .execute(arguments: [effect.message])
            let isNew = database.changesCount == 1 || !askingInbox
            try database.cachedStatement(
                sql: """
                    INSERT INTO \(isNew ? "effects" : "absorbed") (message, slot, pid, fence, attempt, at)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                effect.message, author.slot, author.pid, effect.fence, effect.attempt, BootClock.now(),
            ])
            guard isNew else { return .absorbed }
            try database.cachedStatement(
                sql: """
                    INSERT INTO totals (name, total) VALUES (?, ?)
                    ON CONFLICT (name) DO UPDATE SET total = total + excluded.total
                    """
            ).execute(arguments: [effect.share.group, effect.share.amount])
            return .applied
        }
    }

    /// Records that a tick's run begins.
    package func startTick(_ tick: String, fence: Int64, by author: Author) async throws {
        try await transact { database in
            try Self.insertTick("tick_starts", tick, fence, author, database)
        }
    }

    /// The write of a tick to a resource that checks the fence: refused if a higher fence has written before.
    ///
    /// - Parameter comparingFences: false accepts whatever comes, which is wrong.
    /// - Returns: Whether it was accepted.
    package func writeTick(
        _ tick: String, fence: Int64, by author: Author, comparingFences: Bool = true
    ) async throws -> Bool {
        try await transact { database in
            let highest = try Int64.fetchOne(database, sql: "SELECT max(fence) FROM tick_accepted") ?? 0
            let isAccepted = fence >= highest || !comparingFences
            try Self.insertTick(isAccepted ? "tick_accepted" : "tick_refused", tick, fence, author, database)
            return isAccepted
        }
    }

    private static func insertTick(
        _ table: String, _ tick: String, _ fence: Int64, _ author: Author, _ database: Database
    ) throws {
        try database.execute(
            sql: "INSERT INTO \(table) (tick, fence, slot, pid, at) VALUES (?, ?, ?, ?, ?)",
            arguments: [tick, fence, author.slot, author.pid, BootClock.now()]
        )
    }

    /// One transaction that takes the write lock at its start, on the ledger's own queue: no thread of the
    /// Swift pool waits for the lock, and cancelling a task does not undo the work.
    private func transact<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            database.asyncWriteWithoutTransaction { database in
                do {
                    var result: Result?
                    try database.inTransaction(.immediate) {
                        result = try body(database)
                        return .commit
                    }
                    guard let result else { preconditionFailure("a committed transaction has a result") }
                    continuation.resume(returning: result)
                } catch {
                    continuation.resume(throwing: RecordError("cannot write", self.path, error))
                }
            }
        }
    }

    /// Reads in one snapshot, on the ledger's own queue.
    func read<Result: Sendable>(_ body: @escaping @Sendable (Database) throws -> Result) async throws
        -> Result
    {
        do {
            return try await database.read(body)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw RecordError("cannot read", path, error)
        }
    }
}

import Foundation
import GRDB
import HoldfastGRDB

/// The database that all instances share.
///
/// `checks`, `markings` and `bookings` are journals without any constraints: whatever happened twice is in
/// them twice.
struct UserStore: Sendable {
    let database: DatabaseQueue
    let inbox: SQLiteInbox

    init(path: String) throws {
        var configuration = Configuration()
        configuration.journalMode = .wal
        // The other instances write too: each waits for its turn.
        configuration.busyMode = .timeout(10)
        database = try DatabaseQueue(path: path, configuration: configuration)
        inbox = SQLiteInbox(database)
        try database.write { database in
            try database.execute(sql: Self.schema)
            try SQLiteInbox.createTables(in: database)
        }
    }

    private static let schema = """
        CREATE TABLE IF NOT EXISTS users (
            id TEXT PRIMARY KEY, last_login REAL NOT NULL,
            status TEXT NOT NULL DEFAULT 'active', spent_cents INTEGER NOT NULL DEFAULT 0
        );
        CREATE TABLE IF NOT EXISTS checks (
            tick TEXT NOT NULL, due REAL NOT NULL, attempt INTEGER NOT NULL, instance TEXT NOT NULL
        );
        CREATE TABLE IF NOT EXISTS markings (user TEXT NOT NULL, tick TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS bookings (
            order_id TEXT NOT NULL, user TEXT NOT NULL, cents INTEGER NOT NULL,
            attempt INTEGER NOT NULL, instance TEXT NOT NULL
        );
        """

    /// The tick that checks the users, and the instance that runs it.
    struct Check: Sendable {
        var tick: String
        var due: Date
        var attempt: Int
        var instance: String
    }

    /// Within the transaction of the inbox.
    static func markPassive(notLoggedInSince limit: Date, _ check: Check, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO checks (tick, due, attempt, instance) VALUES (?, ?, ?, ?)",
            arguments: [check.tick, check.due.timeIntervalSince1970, check.attempt, check.instance])
        let passive = "status = 'active' AND last_login < ?"
        try database.execute(
            sql: "INSERT INTO markings (user, tick) SELECT id, ? FROM users WHERE \(passive)",
            arguments: [check.tick, limit.timeIntervalSince1970])
        try database.execute(
            sql: "UPDATE users SET status = 'passive' WHERE \(passive)",
            arguments: [limit.timeIntervalSince1970])
    }

    /// Within the transaction of the inbox.
    static func book(
        _ order: OrderPlaced, attempt: Int, by instance: String, _ database: Database
    ) throws {
        try database.execute(
            sql: "UPDATE users SET spent_cents = spent_cents + ? WHERE id = ?",
            arguments: [order.cents, order.user])
        try database.execute(
            sql: "INSERT INTO bookings (order_id, user, cents, attempt, instance) VALUES (?, ?, ?, ?, ?)",
            arguments: [order.id, order.user, order.cents, attempt, instance])
    }
}

import GRDB
import HoldfastGRDB

/// A database with an inbox and a journal without constraints: what happened twice is there twice.
struct Books: Sendable {
    let database: DatabaseQueue
    let inbox: SQLiteInbox

    init(path: String? = nil) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        database =
            try path.map { try DatabaseQueue(path: $0, configuration: configuration) }
            ?? DatabaseQueue(configuration: configuration)
        inbox = SQLiteInbox(database)
        try database.write {
            try SQLiteInbox.createTables(in: $0)
            try $0.execute(sql: "CREATE TABLE IF NOT EXISTS journal (entry TEXT NOT NULL)")
        }
    }

    /// In the order in which they were written.
    var entries: [String] {
        get throws {
            try database.read { try String.fetchAll($0, sql: "SELECT entry FROM journal ORDER BY rowid") }
        }
    }

    static func write(_ entry: String) -> SQLiteInbox.Effect {
        { database in try database.execute(sql: "INSERT INTO journal (entry) VALUES (?)", arguments: [entry])
        }
    }
}

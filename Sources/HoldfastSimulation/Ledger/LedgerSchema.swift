internal import GRDB

/// The tables of the effect ledger. It is outside Redis and shared by all processes, so that it shows what
/// happened even where Redis would not.
///
/// No constraint hides what a checker must be able to see going wrong: an effect or a tick that happens twice
/// makes two rows. Only `inbox` is unique, since it is the mechanism under test.
enum LedgerSchema {
    static let statements = """
        CREATE TABLE IF NOT EXISTS instances (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, slot INTEGER NOT NULL, pid INTEGER NOT NULL, at INTEGER NOT NULL
        );
        CREATE TABLE IF NOT EXISTS inbox (message TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS effects (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL, slot INTEGER NOT NULL,
            pid INTEGER NOT NULL, fence INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL
        );
        CREATE TABLE IF NOT EXISTS absorbed (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL, slot INTEGER NOT NULL,
            pid INTEGER NOT NULL, fence INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL
        );
        CREATE TABLE IF NOT EXISTS totals (name TEXT PRIMARY KEY, total INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS tick_starts (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, tick TEXT NOT NULL, fence INTEGER NOT NULL,
            slot INTEGER NOT NULL, pid INTEGER NOT NULL, at INTEGER NOT NULL
        );
        CREATE TABLE IF NOT EXISTS tick_accepted (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, tick TEXT NOT NULL, fence INTEGER NOT NULL,
            slot INTEGER NOT NULL, pid INTEGER NOT NULL, at INTEGER NOT NULL
        );
        CREATE TABLE IF NOT EXISTS tick_refused (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, tick TEXT NOT NULL, fence INTEGER NOT NULL,
            slot INTEGER NOT NULL, pid INTEGER NOT NULL, at INTEGER NOT NULL
        );
        """

    static func configuration() -> Configuration {
        var configuration = Configuration()
        // A process that is stopped in the middle of a transaction keeps the file's write lock until it is
        // continued: the other processes must be patient enough to outlast the longest pause.
        configuration.busyMode = .timeout(60)
        configuration.journalMode = .wal
        configuration.prepareDatabase { database in
            // A killed process loses nothing that it wrote; only a power cut could, and none is simulated.
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        return configuration
    }
}

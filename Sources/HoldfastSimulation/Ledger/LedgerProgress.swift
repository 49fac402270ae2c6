internal import GRDB

/// How far a run has got; cheap enough to read many times a second.
package struct LedgerProgress: Hashable, Sendable {
    package var effects: Int = 0
    /// The process between the start and the write of a tick: that of the newest start, if it has no write
    /// yet.
    package var tickRunner: Author?
    /// The processes that have reported that they are up.
    package var upPIDs: Set<Int32> = []

    package init() {}
}

extension EffectLedger {
    package func progress() async throws -> LedgerProgress {
        try await read { database in
            var progress = LedgerProgress()
            // The tables are only appended to, so the last row's number is their count.
            progress.effects = try Int.fetchOne(database, sql: "SELECT max(seq) FROM effects") ?? 0
            progress.upPIDs = try Set(Int32.fetchAll(database, sql: "SELECT pid FROM instances"))
            let newest = try Row.fetchOne(
                database,
                sql: """
                    SELECT slot, pid FROM tick_starts AS start WHERE seq = (SELECT max(seq) FROM tick_starts)
                    AND NOT EXISTS (SELECT 1 FROM tick_accepted WHERE tick = start.tick)
                    AND NOT EXISTS (SELECT 1 FROM tick_refused WHERE tick = start.tick)
                    """
            )
            progress.tickRunner = newest.map { Author(slot: $0["slot"], pid: $0["pid"]) }
            return progress
        }
    }
}

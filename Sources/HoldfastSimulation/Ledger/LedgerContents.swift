internal import GRDB

/// All that a ledger holds, for the checkers.
package struct LedgerContents: Hashable, Sendable {
    package struct EffectRow: Hashable, Sendable {
        package var message: String
        package var author: Author
        package var fence: Int64
        package var attempt: Int

        package init(message: String, author: Author, fence: Int64, attempt: Int) {
            self.message = message
            self.author = author
            self.fence = fence
            self.attempt = attempt
        }
    }

    package struct TickRow: Hashable, Sendable {
        package var tick: String
        package var fence: Int64
        package var author: Author

        package init(tick: String, fence: Int64, author: Author) {
            self.tick = tick
            self.fence = fence
            self.author = author
        }
    }

    /// In the order they were committed, like all lists here.
    package var effects: [EffectRow] = []
    package var absorbed: [EffectRow] = []
    package var totals: [String: Int64] = [:]
    package var tickStarts: [TickRow] = []
    package var acceptedTicks: [TickRow] = []
    package var refusedTicks: [TickRow] = []

    package init() {}
}

extension EffectLedger {
    package func contents() async throws -> LedgerContents {
        try await read { database in
            var contents = LedgerContents()
            contents.effects = try Self.effectRows("effects", database)
            contents.absorbed = try Self.effectRows("absorbed", database)
            contents.tickStarts = try Self.tickRows("tick_starts", database)
            contents.acceptedTicks = try Self.tickRows("tick_accepted", database)
            contents.refusedTicks = try Self.tickRows("tick_refused", database)
            for row in try Row.fetchAll(database, sql: "SELECT name, total FROM totals") {
                // Added up: two spellings of one text are two rows, and one group here as in the input.
                contents.totals[row["name"], default: 0] += row["total"]
            }
            return contents
        }
    }

    private static func effectRows(_ table: String, _ database: Database) throws -> [LedgerContents.EffectRow]
    {
        try Row.fetchAll(database, sql: "SELECT * FROM \(table) ORDER BY seq").map { row in
            LedgerContents.EffectRow(
                message: row["message"],
                author: Author(slot: row["slot"], pid: row["pid"]),
                fence: row["fence"],
                attempt: row["attempt"]
            )
        }
    }

    private static func tickRows(_ table: String, _ database: Database) throws -> [LedgerContents.TickRow] {
        try Row.fetchAll(database, sql: "SELECT * FROM \(table) ORDER BY seq").map { row in
            LedgerContents.TickRow(
                tick: row["tick"],
                fence: row["fence"],
                author: Author(slot: row["slot"], pid: row["pid"])
            )
        }
    }
}

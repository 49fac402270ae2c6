import Foundation
import GRDB
import Testing

/// The statements of docs/fencing.md, as they stand there.
@Suite("The SQL recipe for a fence")
struct FencedSQLTests {
    /// The page's SQL blocks, by their beginnings.
    private static let statements: [String] = {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/fencing.md").standardizedFileURL
        let text = (try? String(contentsOf: page, encoding: .utf8)) ?? ""
        return text.components(separatedBy: "```sql\n").dropFirst().map {
            $0.components(separatedBy: "\n```")[0]
        }
    }()

    private func statement(_ beginning: String) throws -> String {
        let found = Self.statements.filter { $0.hasPrefix(beginning) }
        try #require(found.count == 1)
        return found[0]
    }

    private func database() throws -> DatabaseQueue {
        let database = try DatabaseQueue()
        try database.write { database in
            for table in ["accounts", "guards"] {
                try database.execute(sql: statement("CREATE TABLE \(table)"))
            }
        }
        return database
    }

    private struct Write: Sendable {
        var balance: Int64
        var fence: Int64
        var isAccepted: Bool
    }

    /// Holder 2 has overtaken holder 1, which does not know it.
    private let writes = [
        Write(balance: 10, fence: 1, isAccepted: true),
        Write(balance: 11, fence: 1, isAccepted: true),
        Write(balance: 11, fence: 1, isAccepted: true),
        Write(balance: 20, fence: 2, isAccepted: true),
        Write(balance: 12, fence: 1, isAccepted: false),
        Write(balance: 21, fence: 2, isAccepted: true),
    ]

    private func expect(_ sql: String, on database: DatabaseQueue) throws {
        for write in writes {
            let (changes, row) = try database.write { database in
                try database.execute(
                    sql: sql, arguments: ["id": "a", "balance": write.balance, "fence": write.fence])
                let changes = database.changesCount
                return (changes, try Row.fetchOne(database, sql: "SELECT balance, fence FROM accounts"))
            }
            #expect(changes == (write.isAccepted ? 1 : 0))
            #expect((row?["fence"] ?? 0) >= write.fence)
            #expect((row?["balance"] == write.balance) == write.isAccepted)
        }
    }

    @Test("accepts equal and higher fences and refuses lower ones, told by the number of changed rows")
    func update() throws {
        let database = try database()
        try database.write {
            try $0.execute(sql: "INSERT INTO accounts (id, balance, fence) VALUES ('a', 0, 0)")
        }
        try expect(statement("UPDATE accounts"), on: database)
    }

    @Test("writes a row that is missing, and then compares as well")
    func insertion() throws {
        try expect(statement("INSERT INTO accounts"), on: database())
    }

    @Test("guards a transaction of many rows by one row of its own")
    func guardRow() throws {
        let database = try database()
        let guardSQL = try statement("INSERT INTO guards")
        struct Overtaken: Error {}
        func append(_ id: String, fence: Int64) throws {
            try database.write { database in
                try database.execute(sql: guardSQL, arguments: ["resource": "journal", "fence": fence])
                guard database.changesCount == 1 else { throw Overtaken() }
                try database.execute(
                    sql: "INSERT INTO accounts (id, balance, fence) VALUES (?, 0, ?)", arguments: [id, fence])
            }
        }
        try append("a", fence: 1)
        try append("b", fence: 1)
        try append("c", fence: 2)
        #expect(throws: Overtaken.self) { try append("d", fence: 1) }
        try append("e", fence: 2)
        let ids = try database.read { try String.fetchAll($0, sql: "SELECT id FROM accounts ORDER BY id") }
        #expect(ids == ["a", "b", "c", "e"])
    }
}

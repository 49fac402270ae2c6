import Foundation
import GRDB
import Holdfast
import HoldfastGRDB
import Testing

@Suite("The inbox in SQLite")
struct SQLiteInboxTests {
    private struct Broken: Error {}

    private static func entry(_ id: String, fence: Int64? = nil) -> InboxEntry {
        InboxEntry(
            scope: "queue:orders", id: id, fence: fence.map { .init("shelf", FencingToken(rawValue: $0)) })
    }

    @Test("lets an entry have its effect once, and keeps scopes apart")
    func once() async throws {
        let books = try Books()
        #expect(try await books.inbox.commit(Self.entry("a"), Books.write("a")) == .committed)
        #expect(try await books.inbox.commit(Self.entry("a"), Books.write("a again")) == .alreadyCommitted)
        let other = InboxEntry(scope: "queue:parcels", id: "a")
        #expect(try await books.inbox.commit(other, Books.write("other a")) == .committed)
        #expect(try books.entries == ["a", "other a"])
    }

    @Test("forgets the entry and its guard with an effect that failed")
    func rollback() async throws {
        let books = try Books()
        await #expect(throws: Broken.self) {
            try await books.inbox.commit(Self.entry("a", fence: 5)) { database in
                try Books.write("half of a")(database)
                throw Broken()
            }
        }
        #expect(try books.entries == [])
        #expect(try await books.inbox.commit(Self.entry("b", fence: 4), Books.write("b")) == .committed)
        #expect(try await books.inbox.commit(Self.entry("a", fence: 5), Books.write("a")) == .committed)
        #expect(try books.entries == ["b", "a"])
    }

    @Test("refuses a fence that is lower than that of the last write, and remembers nothing of it")
    func fence() async throws {
        let books = try Books()
        #expect(try await books.inbox.commit(Self.entry("a", fence: 1), Books.write("a")) == .committed)
        #expect(try await books.inbox.commit(Self.entry("b", fence: 2), Books.write("b")) == .committed)
        #expect(try await books.inbox.commit(Self.entry("c", fence: 1), Books.write("c")) == .refused)
        #expect(try await books.inbox.commit(Self.entry("d", fence: 2), Books.write("d")) == .committed)
        // Handed out again under a higher fence, what was refused is done.
        #expect(try await books.inbox.commit(Self.entry("c", fence: 3), Books.write("c")) == .committed)
        #expect(
            try await books.inbox.commit(Self.entry("a", fence: 3), Books.write("a")) == .alreadyCommitted)
        #expect(try books.entries == ["a", "b", "d", "c"])
    }

    @Test("has one effect of many attempts at once, from two connections to one file")
    func manyAtOnce() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "inbox-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let connections = [try Books(path: path), try Books(path: path)]
        let committed = try await withThrowingTaskGroup(of: InboxOutcome.self) { group in
            for number in 0..<200 {
                for books in connections {
                    group.addTask {
                        try await books.inbox.commit(Self.entry("\(number)"), Books.write("\(number)"))
                    }
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 == .committed ? 1 : 0 }
        }
        #expect(committed == 200)
        #expect(try Set(connections[0].entries).count == 200)
        #expect(try connections[0].entries.count == 200)
    }

    @Test("is what docs/inbox.md says")
    func page() throws {
        func words(_ text: String) -> String {
            text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
            .standardizedFileURL
        let page = try String(contentsOf: root.appending(path: "docs/inbox.md"), encoding: .utf8)
        let example = "Sources/HoldfastGRDB/SQLiteInbox.swift"
        let adapter = words(try String(contentsOf: root.appending(path: example), encoding: .utf8))
            .replacing("IF NOT EXISTS ", with: "")
        let statements = page.components(separatedBy: "```sql\n").dropFirst().map {
            words($0.components(separatedBy: "\n```")[0])
        }
        #expect(statements.count == 5)
        for statement in statements { #expect(adapter.contains(statement)) }
    }

    @Test("forgets what was committed before an instant, and no more")
    func forgetting() async throws {
        let books = try Books()
        try await books.database.write {
            try $0.execute(
                sql: """
                    INSERT INTO inbox (scope, id, committed_at) VALUES
                    ('queue:orders', 'old', '2026-01-31 23:59:59'), ('queue:orders', 'new', '2026-02-01 00:00:01')
                    """)
        }
        let first = try #require(ISO8601DateFormatter().date(from: "2026-02-01T00:00:00Z"))
        try await books.inbox.forget(before: first)
        #expect(try await books.inbox.commit(Self.entry("new"), Books.write("new")) == .alreadyCommitted)
        #expect(try await books.inbox.commit(Self.entry("old"), Books.write("old")) == .committed)
    }
}

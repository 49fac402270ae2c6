import HoldfastTesting
import Synchronization
import Testing

@testable import Holdfast

/// Rows in memory, which remember what was committed; transactions that throw are undone.
private final class Book: Sendable {
    struct State: Sendable {
        var ids: Set<String> = []
        var total = 0
    }

    let state = Mutex(State())
}

private struct Ledger: Sendable {
    let book: Book

    func add(_ cents: Int) async -> Int {
        book.state.withLock { state in
            state.total += cents
            return state.total
        }
    }
}

private struct AsyncInbox: Inbox {
    let book = Book()

    func commit(
        _ entry: InboxEntry, _ effect: @escaping @Sendable (Ledger) async throws -> Void
    ) async throws -> InboxOutcome {
        guard book.state.withLock({ $0.ids.insert(entry.id).inserted }) else { return .alreadyCommitted }
        // A driver that begins again after a conflict runs the effect again.
        try await effect(Ledger(book: book))
        try await effect(Ledger(book: book))
        return .committed
    }
}

@Suite("A value that leaves the inbox's transaction")
struct InboxValueTests {
    private struct Broken: Error {}

    @Test("is what the effect returned, and nil where an attempt before made the effect")
    func asynchronous() async throws {
        let inbox = AsyncInbox()
        let delivery = Delivery.forTest(id: "o-1")
        let total = try await delivery.perform(in: inbox) { ledger in await ledger.add(5) }
        #expect(total == 10, "of the run that was committed")
        let again = try await delivery.perform(in: inbox) { ledger in await ledger.add(5) }
        #expect(again == nil)
        let tick = Tick.forTest()
        #expect(try await tick.perform(in: inbox) { await $0.add(1) } == 12)
        #expect(try await tick.perform(in: inbox) { await $0.add(1) } == nil)
        let claim = OnceClaim.forTest(id: "e-1")
        #expect(try await claim.perform(in: inbox) { await $0.add(1) } == 14)
    }

    @Test("does not leave a transaction that failed, nor is one begun for a claim that was lost")
    func failures() async throws {
        let inbox = AsyncInbox()
        await #expect(throws: Broken.self) {
            try await Delivery.forTest().perform(in: inbox) { _ -> Int in throw Broken() }
        }
        let lost = Delivery.forTest(id: "lost")
        lost.lose()
        let error = await #expect(throws: HoldfastError.self) {
            try await lost.perform(in: inbox) { await $0.add(1) }
        }
        #expect(error?.code == .lost)
        #expect(inbox.book.state.withLock { !$0.ids.contains("lost") })
    }
}

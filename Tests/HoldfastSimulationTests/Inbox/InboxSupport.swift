import Holdfast
import HoldfastGRDB
import Synchronization

/// An inbox whose process is stopped between its decision to write and its write, and does not know it when it goes
/// on: no cancellation reaches the write.
struct PausedInbox: Inbox {
    let inbox: SQLiteInbox
    let gate: Gate
    let outcomes = Record<InboxOutcome>()

    func commit(_ entry: InboxEntry, _ effect: @escaping SQLiteInbox.Effect) async throws -> InboxOutcome {
        let outcome = try await Task {
            try await gate.pass()
            return try await inbox.commit(entry, effect)
        }.value
        outcomes.add(outcome)
        return outcome
    }
}

/// Holds those who wait for it until it is opened.
final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)

    func open() { isOpen.store(true, ordering: .releasing) }

    func pass() async throws {
        while !isOpen.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(1)) }
    }
}

/// What handlers and workers saw, in order.
final class Record<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
}

extension ConsumerOptions {
    /// One message at a time, tried again without a wait.
    static var oneByOne: ConsumerOptions {
        var options = ConsumerOptions()
        options.concurrency = 1
        options.retry = RetryPolicy(attempts: 5, first: .milliseconds(1), longest: .milliseconds(1))
        return options
    }
}

/// Asks again until `condition` holds. False when it did not in time.
func eventually(
    within limit: Duration = .seconds(60), _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return try await condition()
}

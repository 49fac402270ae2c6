import Holdfast
import HoldfastGRDB
import TestSupport

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

extension ConsumerOptions {
    /// One message at a time, tried again without a wait.
    static var oneByOne: ConsumerOptions {
        var options = ConsumerOptions()
        options.concurrency = 1
        options.retry = RetryPolicy(attempts: 5, first: .milliseconds(1), longest: .milliseconds(1))
        return options
    }
}

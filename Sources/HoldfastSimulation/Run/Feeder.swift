internal import Holdfast
internal import Synchronization

/// Sends the messages, as far as the pending faults allow.
final class Feeder: Sendable {
    private let store: QueueStore
    private let messages: [InputMessage]
    private let progress = Mutex((limit: 0, sent: 0))

    init(_ messages: [InputMessage], to store: QueueStore) {
        self.messages = messages
        self.store = store
    }

    var isDone: Bool { progress.withLock { $0.sent == messages.count } }

    /// Allows the first `limit` messages to be sent.
    func allow(_ limit: Int) {
        progress.withLock { $0.limit = max($0.limit, limit) }
    }

    /// Sends all messages. Those whose sending fails are sent again under the same ids, so the queue has each
    /// once. Returns early when the task is cancelled.
    func run() async throws {
        while !Task.isCancelled {
            let (limit, sent) = progress.withLock { ($0.limit, $0.sent) }
            guard sent < messages.count else { return }
            guard limit > sent else {
                try? await Task.sleep(for: .milliseconds(10))
                continue
            }
            let chunk = messages[sent..<min(limit, sent + Self.chunk)]
            do {
                _ = try await store.enqueue(chunk.map { (id: $0.id, body: $0.body) }, type: "simulation")
                progress.withLock { $0.sent += chunk.count }
            } catch let error as HoldfastError where error.isWorthARepetition {
                try? await Task.sleep(for: .milliseconds(100))
            } catch is CancellationError {
                return
            }
        }
    }

    private static let chunk = 500
}

extension HoldfastError {
    /// Whether the same call may succeed a moment later, after the server was away.
    var isWorthARepetition: Bool {
        [.unavailable, .unknownOutcome, .refused].contains(code)
    }
}

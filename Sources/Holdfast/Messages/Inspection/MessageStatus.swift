import RedisLink

/// A message and its state in a queue at one moment.
public struct MessageStatus: Hashable, Sendable {
    /// The state of a message.
    @nonexhaustive
    public enum State: Hashable, Sendable {
        /// It waits for its first attempt.
        case ready
        /// It waits for those before it with the same ordering key.
        case blocked
        /// It waits for its time, after this many attempts.
        case waiting(Duration, attempts: Int)
        /// This attempt is under way; its claim ends by itself after this time.
        case claimed(attempt: Int, remaining: Duration)
        /// It was given up.
        case dead(DeadLetter)
        /// It was committed, or dropped from the dead letters. Its id is remembered for this much longer.
        case done(remembered: Duration)
    }

    /// The name of the queue.
    public let queue: String
    /// The id the message was sent with.
    public let id: String
    /// Its state.
    public let state: State
    /// Its entry in the stream; nil if it is no longer there.
    public let entry: String?
    /// The type of the message; empty if its sender did not say, nil if it is done.
    public let type: String?
    /// The message as it was sent, at most its first MiB; nil if it is done.
    public let body: [UInt8]?
    /// The instance that has claimed it; nil if nobody has.
    public let instanceID: String?
}

extension QueueStore {
    /// The message with this id, nil if the queue does not know it.
    ///
    /// One round trip for one that is done. Any other is looked for: one round trip for each thousand messages.
    package func message(_ id: String) async throws -> MessageStatus? {
        do throws(RedisError) {
            if let done = try await look(id, entry: "") { return done }
            for (prefix, stream) in zip(["", "h", "l"], keys.streams) {
                if let found = try await find(id, in: stream, prefix),
                    let message = try await look(id, entry: prefix + found)
                {
                    return message
                }
            }
            guard let letter = try await find(id, in: keys.dead, "dead"),
                let dead = try await deadLetters(from: letter, limit: 1).first, dead.entry == letter
            else { return nil }
            return MessageStatus(
                queue: keys.name, id: id, state: .dead(dead), entry: nil, type: dead.type, body: dead.body,
                instanceID: nil)
        } catch {
            throw HoldfastError.thrown(for: error, "looking for the message \(id) in the queue \(keys.name)")
        }
    }

    /// What the dead letters of the message with this id are called, the oldest first. One round trip for each thousand
    /// letters.
    package func letters(ofMessage id: String) async throws -> [String] {
        var letters: [String] = []
        do throws(RedisError) {
            while let letter = try await find(
                id, in: keys.dead, "dead", from: letters.last.map { "(\($0)" } ?? "-")
            {
                letters.append(letter)
            }
        } catch {
            throw HoldfastError.thrown(
                for: error, "looking for the message \(id) in the dead letters of the queue \(keys.name)")
        }
        return letters
    }

    /// The id that the message's entry has in the stream.
    private func find(
        _ id: String, in stream: String, _ prefix: String, from beginning: String = "-"
    ) async throws(RedisError) -> String? {
        var start = beginning
        while true {
            switch try await link.call(.find(id, in: stream, from: start, prefix: prefix)) {
            case .found(let entry): return entry
            case .goOn(let last): start = "(\(last)"
            case .ended: return nil
            }
        }
    }

    private func look(_ id: String, entry: String) async throws(RedisError) -> MessageStatus? {
        try await link.call(.look(id, entry: entry, in: keys))
    }
}

extension MessageQueue {
    /// The message with this id, nil if the queue does not know it.
    ///
    /// One round trip if the message is done. Otherwise the queue's messages are searched, with one round
    /// trip for each thousand: for operators, not for hot paths.
    public func message(_ id: String) async throws -> MessageStatus? { try await store().message(id) }
}

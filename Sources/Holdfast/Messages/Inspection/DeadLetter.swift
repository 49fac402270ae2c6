import RedisLink

/// A message that was given up: its attempts are used up, or its handler said so.
public struct DeadLetter: Hashable, Sendable {
    /// What it is called among the dead letters.
    public let letter: String
    /// The id the message was sent with.
    public let id: String
    /// What kind of message it is; empty if its sender did not say.
    public let type: String
    /// How many attempts it had.
    public let attempts: Int
    /// Why it was given up.
    public let reason: String
    /// The message, as it was sent.
    public let body: [UInt8]
    /// For how long it has been dead, by the server's clock.
    public let age: Duration
}

extension DeadLetter {
    /// Reads an entry of the dead letters' stream; nil if it is something else.
    init?(_ entry: RedisValue, now: Int64) {
        guard let parts = entry.array, parts.count == 2, let letter = parts[0].string,
            let fields = MessageFields(parts[1])
        else { return nil }
        self.letter = letter
        id = fields.id ?? fields["entry"]?.text ?? letter
        type = fields["type"]?.text ?? ""
        attempts = fields["attempts"].flatMap { Int($0.text) } ?? 0
        reason = fields["reason"]?.text ?? ""
        body = fields["body"] ?? []
        age = .milliseconds(now.since(Int64(letter.prefix { $0 != "-" }) ?? now))
    }
}

extension QueueStore {
    /// Up to `limit` dead letters, the oldest first, from the one after `letter` on. Two round trips.
    package func deadLetters(after letter: String? = nil, limit: Int = 100) async throws -> [DeadLetter] {
        do throws(RedisError) {
            let now = try await link.serverTime()
            let start = letter.map { "(\($0)" } ?? "-"
            let reply = try await link.send([
                "XRANGE", .string(keys.dead), .string(start), "+", "COUNT", .init(limit),
            ])
            return (reply.value.array ?? []).compactMap { DeadLetter($0, now: now) }
        } catch {
            throw HoldfastError.thrown(for: error, "listing the dead letters of the queue \(keys.name)")
        }
    }

    /// Puts dead letters back into the queue, each once however often it is asked for.
    ///
    /// - Returns: for each the message's new entry, nil if there is no such letter (any more).
    package func replay(_ letters: [String]) async throws -> [String?] {
        var entries: [String?] = []
        var rest = letters[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(100)
            let check = ReplyCheck.random()
            let arguments: [RedisArgument] =
                [.string(keys.wake), check.argument] + chunk.map(RedisArgument.string)
            do throws(RedisError) {
                let reply = try await link.evaluate(
                    Scripts.replay, keys: keys.forReplaying, arguments: arguments, check: check)
                entries += (reply.value.array ?? []).dropFirst().map(\.string)
            } catch {
                throw HoldfastError.thrown(for: error, "replaying dead letters of the queue \(keys.name)")
            }
            rest = rest.dropFirst(chunk.count)
        }
        return entries
    }
}

extension MessageQueue {
    /// Up to `limit` messages that were given up, the oldest first. Two round trips.
    ///
    /// - Parameter letter: begin after this one, ``DeadLetter/letter``; at the oldest unless set.
    public func deadLetters(after letter: String? = nil, limit: Int = 100) async throws -> [DeadLetter] {
        try await store().deadLetters(after: letter, limit: limit)
    }

    /// Puts dead letters back into the queue, behind what waits there. Their attempts begin anew.
    ///
    /// One round trip for each hundred. Whoever removes a letter adds its message, in one step: two that replay the
    /// same one put it back once, and a call of unknown outcome can be repeated.
    ///
    /// - Parameter letters: as ``deadLetters(after:limit:)`` names them.
    /// - Returns: how many were put back; the others are not there any more.
    @discardableResult
    public func replay(_ letters: [DeadLetter]) async throws -> Int {
        try await store().replay(letters.map(\.letter)).count { $0 != nil }
    }
}

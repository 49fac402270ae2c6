import RedisLink

/// A message that was given up because its attempts were used up or its handler decided so; or something in
/// the queue's keys that could not be read, which is no message and cannot be put back.
public struct DeadLetter: Hashable, Sendable {
    /// Its entry among the dead letters.
    public let entry: String
    /// The id the message was sent with; ``entry`` if there is no message.
    public let id: String
    /// The type of the message; empty if its sender did not say.
    public let type: String
    /// How many attempts it had.
    public let attempts: Int
    /// Why it was given up.
    public let reason: String
    /// The message as it was sent, or what could not be read; at most the first MiB of it.
    public let body: [UInt8]
    /// The full length of that, in bytes.
    public let bodyBytes: Int
    /// How long it has been dead, by the server's clock.
    public let age: Duration
}

extension QueueStore {
    /// Up to `limit` dead letters, the oldest first, from the one after `letter` on; fewer where they are long. One
    /// round trip.
    package func deadLetters(after letter: String? = nil, limit: Int = 100) async throws -> [DeadLetter] {
        let subject = "listing the dead letters of the queue \(keys.name)"
        let start = try letter.map { letter throws(HoldfastError) in "(\(try Self.checked(letter))" } ?? "-"
        do throws(RedisError) {
            return try await deadLetters(from: start, limit: limit)
        } catch {
            throw HoldfastError.thrown(for: error, subject)
        }
    }

    /// What the newest dead letter is called, nil if there is none. One round trip, with that letter in its answer.
    package func newestDeadLetter() async throws -> String? {
        do throws(RedisError) {
            let reply = try await link.send(["XREVRANGE", .string(keys.dead), "+", "-", "COUNT", "1"])
            return reply.value.array?.first?.array?.first?.string
        } catch {
            throw HoldfastError.thrown(
                for: error, "looking for the newest dead letter of the queue \(keys.name)")
        }
    }

    func deadLetters(from start: String, limit: Int) async throws(RedisError) -> [DeadLetter] {
        try await link.call(.deadLetters(from: start, limit: limit, of: keys))
    }

    /// What a letter is called: two numbers, as Redis made them.
    static func checked(_ letter: String) throws(HoldfastError) -> String {
        let parts = letter.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.allSatisfy(\.isNumber) && UInt64($0) != nil }) else {
            throw HoldfastError(
                .invalidArgument,
                "\(letter.prefix(100)) is not a dead letter: their names look like 1700000000000-0")
        }
        return letter
    }

    /// Puts dead letters back into the queue, each once however often it is asked for.
    ///
    /// - Returns: for each the message's new entry, nil if there is no such letter (any more).
    /// - Throws: ``HoldfastError/Code/invalidArgument`` before anything is put back.
    package func replay(_ letters: [String]) async throws -> [String?] {
        var entries: [String?] = []
        var rest = try letters.map { letter throws(HoldfastError) in try Self.checked(letter) }[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(100)
            do throws(RedisError) {
                entries += try await link.call(.replay(chunk, to: keys))
            } catch  where error.code == .cancelled {
                throw CancellationError()
            } catch {
                throw HoldfastError(error, "replaying dead letters of the queue \(keys.name)")
                    .happened(entries.count)
            }
            rest = rest.dropFirst(chunk.count)
        }
        return entries
    }
}

extension MessageQueue {
    /// Up to `limit` messages that were given up, oldest first. One round trip and at most about 8 MiB, so
    /// there are fewer if they are long, and none only if there are no more.
    ///
    /// - Parameter letter: the ``DeadLetter/entry`` to begin after; begins with the oldest by default.
    public func deadLetters(after letter: String? = nil, limit: Int = 100) async throws -> [DeadLetter] {
        try await store().deadLetters(after: letter, limit: limit)
    }

    /// Puts dead letters back into the queue, behind everything that waits there. Their attempts are counted
    /// anew.
    ///
    /// One round trip for each hundred. A letter is removed and its message added in one step, so two callers
    /// that replay the same letter put it back once, and a call with an unknown outcome can be repeated.
    ///
    /// - Parameter letters: as ``deadLetters(after:limit:)`` names them.
    /// - Returns: how many were put back; the others no longer exist or have no message.
    @discardableResult
    public func replay(_ letters: [DeadLetter]) async throws -> Int {
        try await store().replay(letters.map(\.entry)).count { $0 != nil }
    }
}

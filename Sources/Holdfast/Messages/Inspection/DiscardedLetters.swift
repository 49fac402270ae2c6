import RedisLink

extension QueueStore {
    /// Removes dead letters for good.
    ///
    /// - Parameter retention: for how long the ids of their messages stay known, as those of messages that are done; nil
    ///   to forget them.
    /// - Returns: for each the id of its message, nil if there is no such letter (any more).
    /// - Throws: ``HoldfastError/Code/invalidArgument`` before anything is removed.
    package func discard(_ letters: [String], remembering retention: Duration?) async throws -> [String?] {
        var ids: [String?] = []
        var rest = try letters.map { letter throws(HoldfastError) in try Self.checked(letter) }[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(100)
            do throws(RedisError) {
                ids += try await link.call(.discard(chunk, remembering: retention, from: keys))
            } catch  where error.code == .cancelled {
                throw CancellationError()
            } catch {
                throw HoldfastError(error, "removing dead letters of the queue \(keys.name)")
                    .happened(ids.count)
            }
            rest = rest.dropFirst(chunk.count)
        }
        return ids
    }

    /// The dead letter of that name; nil if there is none, or no longer one. One round trip.
    package func deadLetter(_ letter: String) async throws -> DeadLetter? {
        let start = try Self.checked(letter)
        do throws(RedisError) {
            let found = try await deadLetters(from: start, limit: 1).first
            return found?.entry == start ? found : nil
        } catch {
            throw HoldfastError.thrown(for: error, "looking at a dead letter of the queue \(keys.name)")
        }
    }
}

extension MessageQueue {
    /// Removes dead letters for good; their messages are never handled.
    ///
    /// One round trip for each hundred. A call with an unknown outcome can be repeated.
    ///
    /// - Parameters:
    ///   - letters: as ``deadLetters(after:limit:)`` names them.
    ///   - retention: how long their ids stay known, like those of committed messages; until then nobody can
    ///     send them again. With nil they are forgotten at once. Defaults to 7 days.
    /// - Returns: how many were removed; the others no longer exist.
    @discardableResult
    public func discard(
        _ letters: [DeadLetter], remembering retention: Duration? = .seconds(7 * 86_400)
    ) async throws -> Int {
        if let retention, retention < .milliseconds(1) {
            throw HoldfastError(.invalidArgument, "a retention must be above zero, not \(retention)")
        }
        return try await store().discard(letters.map(\.entry), remembering: retention).count { $0 != nil }
    }
}

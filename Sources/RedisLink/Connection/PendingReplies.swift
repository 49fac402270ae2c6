internal import DequeModule

/// The replies that are expected on a connection, in the order of their commands.
///
/// RESP2 replies carry no number: the n-th reply belongs to the n-th command. So an entry leaves this queue
/// only when its reply has arrived or the connection ends. A command that is cancelled or times out loses its
/// completion and keeps its place; its reply is dropped, and the next command still gets its own.
///
/// A value without a clock, socket or task.
package struct PendingReplies<Completion> {
    package struct Entry {
        package var id: UInt64
        package var completion: Completion?
        @Moment package var sentAt: ContinuousClock.Instant
        @Moment package var deadline: ContinuousClock.Instant
        /// The offset of the command's last byte in the connection's output.
        package var end: UInt64
    }

    private var entries = Deque<Entry>()

    package init() {}

    package var isEmpty: Bool { entries.isEmpty }
    package var count: Int { entries.count }

    /// When the oldest command without a reply was sent, whether or not anyone still waits for it.
    package var owedSince: ContinuousClock.Instant? { entries.first?.sentAt }

    /// The earliest deadline of a command that a caller still waits for.
    package var earliestDeadline: ContinuousClock.Instant? {
        entries.lazy.filter { $0.completion != nil }.map(\.deadline).min()
    }

    package mutating func append(_ entry: consuming Entry) {
        entries.append(entry)
    }

    /// The entry that the reply just received belongs to; nil when no reply was expected: the next command,
    /// if there is one, is not among the `sent` bytes that the socket has taken.
    package mutating func replied(sent: UInt64) -> Entry? {
        guard let first = entries.first, first.end <= sent else { return nil }
        return entries.popFirst()
    }

    /// Takes the completion of a command; nil when it has its reply already.
    package mutating func withdraw(_ id: UInt64) -> Completion? {
        guard let index = index(of: id) else { return nil }
        defer { entries[index].completion = nil }
        return entries[index].completion
    }

    /// The ids rise, except for the few whose commands overtook others on their way here: so the search
    /// begins where the id would be if none were missing, which is at or after its place, and continues
    /// towards the front.
    private func index(of id: UInt64) -> Int? {
        guard let first = entries.first?.id else { return nil }
        let guess = id < first ? 0 : Int(clamping: min(id - first, UInt64(entries.count - 1)))
        return entries[...guess].lastIndex { $0.id == id } ?? entries[guess...].firstIndex { $0.id == id }
    }

    /// Takes the completions whose deadline has passed, each with the instant its command was sent.
    package mutating func expire(
        at now: ContinuousClock.Instant
    ) -> [(completion: Completion, sentAt: ContinuousClock.Instant)] {
        var expired: [(completion: Completion, sentAt: ContinuousClock.Instant)] = []
        for index in entries.indices where entries[index].deadline <= now {
            guard let completion = entries[index].completion else { continue }
            expired.append((completion, entries[index].sentAt))
            entries[index].completion = nil
        }
        return expired
    }

    /// Empties the queue at the end of a connection whose socket had taken `sent` bytes.
    ///
    /// A command whose last byte was not taken never reached the server whole, so it was not executed.
    ///
    /// - Returns: the commands that a caller waits for, each with what is known about its delivery and the
    ///   offset of its last byte.
    package mutating func end(
        sent: UInt64
    ) -> [(completion: Completion, delivery: RedisError.Delivery, end: UInt64)] {
        defer { entries.removeAll() }
        return entries.compactMap { entry in
            entry.completion.map { ($0, entry.end > sent ? .notDelivered : .unknown, entry.end) }
        }
    }
}

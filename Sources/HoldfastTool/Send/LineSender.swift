internal import Holdfast
internal import JSONLines

/// Sends the lines of an input as they arrive.
struct LineSender {
    /// The most lines in one call, which is one round trip, and the most bytes, unless a single line has
    /// more: so the refusal of a large line names that line.
    private static let batch = (lines: 500, bytes: 1 << 20)
    private static let attempts = 3

    let store: QueueStore
    let ids: MessageID
    let type: String

    /// Sends all lines that are read, and counts them in `progress`.
    ///
    /// - Throws: ``InputError`` at a line that can't be used, after sending the lines before it. What the
    ///   queue throws for some lines, with their numbers.
    func send(_ input: LineInput, _ progress: SendProgress) async throws {
        var reader = LineReader()
        while let bytes = try await input.next() {
            try await send(reader.lines(adding: bytes), progress)
        }
        // If the reading was interrupted, the last line may be incomplete.
        if !progress.isInterrupted, let last = reader.end() { try await send([last], progress) }
    }

    private func send(
        _ lines: [(number: Int, bytes: ArraySlice<UInt8>)], _ progress: SendProgress
    ) async throws {
        var batch = Batch()
        for (number, bytes) in lines {
            let message: QueueStore.Message?
            do {
                message = try self.message(bytes, number)
            } catch {
                try await send(&batch, progress)
                throw error
            }
            if let message {
                if batch.messages.count == Self.batch.lines
                    || batch.bytes + message.body.count > Self.batch.bytes
                {
                    try await send(&batch, progress)
                }
                batch.add(message, number)
            } else {
                batch.last = number
            }
        }
        try await send(&batch, progress)
    }

    /// Nil for a blank line.
    private func message(_ bytes: ArraySlice<UInt8>, _ number: Int) throws(InputError) -> QueueStore.Message?
    {
        guard bytes.count <= LineReader.longest else {
            throw InputError(
                line: number,
                reason:
                    "more than \(LineReader.longest) bytes; a message has at most \(MessageLimits.body)")
        }
        guard let line = try JSONLine(bytes, number: number) else { return nil }
        guard line.bytes.count <= MessageLimits.body else {
            throw InputError(
                line: number,
                reason: "\(line.bytes.count) bytes; a message has at most \(MessageLimits.body)")
        }
        return (id: try ids.id(of: line), body: line.bytes)
    }

    private func send(_ batch: inout Batch, _ progress: SendProgress) async throws {
        do {
            progress.begin(batch)
            let sent = try await batch.messages.isEmpty ? [] : enqueue(batch.messages)
            progress.end(batch, sent)
        } catch var error as HoldfastError {
            error.message = "\(batch.linesText): \(error.message)"
            throw error
        }
        batch = Batch()
    }

    /// A batch whose outcome is unknown is sent again, under the same ids, so nothing is in the queue twice.
    private func enqueue(_ messages: [QueueStore.Message]) async throws -> [SendOutcome] {
        for _ in 1..<Self.attempts {
            do {
                return try await store.enqueue(messages, type: type)
            } catch let error as HoldfastError where error.mayHaveHappened {
                continue
            }
        }
        return try await store.enqueue(messages, type: type)
    }

    /// The lines of one call.
    struct Batch {
        fileprivate(set) var messages: [QueueStore.Message] = []
        fileprivate var bytes = 0
        private var first = 0
        /// The number of its last line, which may be blank.
        fileprivate(set) var last = 0

        fileprivate mutating func add(_ message: QueueStore.Message, _ number: Int) {
            if messages.isEmpty { first = number }
            messages.append(message)
            bytes += message.body.count
            last = number
        }

        var linesText: String { first == last ? "line \(last)" : "lines \(first) to \(last)" }
    }
}

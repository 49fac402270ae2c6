package import RedisLink

/// A queue as bytes: what ``MessageQueue`` does once its messages are encoded.
package struct QueueStore: Sendable {
    /// The most messages, and about the most bytes, that go in one call.
    private static let batch = (messages: 500, bytes: 4 << 20)

    package typealias Message = (id: String, body: [UInt8])

    package let link: RedisLink
    package let keys: QueueKeys
    let registry: QueueRegistry

    /// Adds messages, each id at most once. One round trip for 500 messages.
    ///
    /// - Parameters:
    ///   - messages: ids of 1 to 512 bytes; bodies of any bytes, at most 32 MiB.
    ///   - type: what kind of messages they are; empty if that is not said.
    ///   - options: one for each message, or none at all, which spares the server some work.
    /// - Returns: what became of each, in order.
    package func enqueue(_ messages: [Message], type: String, _ options: [SendOptions] = []) async throws
        -> [SendOutcome]
    {
        let values = try options.map { options throws(HoldfastError) in try options.arguments }
        if let wrong = messages.first(where: { !(1...MessageLimits.id).contains($0.id.utf8.count) }) {
            throw HoldfastError(
                .invalidArgument, "a message id must have 1 to 512 bytes, not \(wrong.id.utf8.count)")
        }
        if let wrong = messages.first(where: { $0.body.count > MessageLimits.body }) {
            throw HoldfastError(
                .invalidArgument,
                "the message \(wrong.id) has \(wrong.body.count) bytes, more than \(MessageLimits.body)")
        }
        registry.note(keys.name)
        var sent: [SendOutcome] = []
        var rest = messages[...]
        while !rest.isEmpty {
            var bytes = 0
            let chunk = rest.prefix(Self.batch.messages).prefix { message in
                defer { bytes += message.body.count }
                return bytes < Self.batch.bytes
            }
            do {
                sent += try await enqueue(
                    chunk: chunk, type: type, values.isEmpty ? [] : values[chunk.indices])
            } catch let error as HoldfastError {
                throw error.happened(sent.count)
            }
            rest = rest.dropFirst(chunk.count)
        }
        return sent
    }

    private func enqueue(
        chunk: ArraySlice<Message>, type: String, _ values: ArraySlice<[RedisArgument]>
    ) async throws -> [SendOutcome] {
        do throws(RedisError) {
            return try await link.call(.enqueue(chunk, type: type, values, to: keys))
        } catch {
            throw HoldfastError.thrown(for: error, "sending to the queue \(keys.name)")
        }
    }
}

package import RedisLink

/// A queue as bytes: what ``MessageQueue`` does once its messages are encoded.
package struct QueueStore: Sendable {
    /// The most messages, and about the most bytes, that go in one call.
    private static let batch = (messages: 500, bytes: 4 << 20)

    /// The longest message, in bytes as encoded: what claim.lua hands out leaves room for its id and type.
    package static let largestBody = 1 << 25
    /// In bytes.
    static let longestID = 512

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
        -> [Sent]
    {
        let values = try options.map { options throws(HoldfastError) in try options.arguments }
        if let wrong = messages.first(where: { !(1...Self.longestID).contains($0.id.utf8.count) }) {
            throw HoldfastError(
                .invalidArgument, "a message id must have 1 to 512 bytes, not \(wrong.id.utf8.count)")
        }
        if let wrong = messages.first(where: { $0.body.count > Self.largestBody }) {
            throw HoldfastError(
                .invalidArgument,
                "the message \(wrong.id) has \(wrong.body.count) bytes, more than \(Self.largestBody)")
        }
        registry.note(keys.name)
        var sent: [Sent] = []
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
    ) async throws -> [Sent] {
        let check = ReplyCheck.random()
        let width = 2 + (values.first?.count ?? 0)
        var arguments: [RedisArgument] = [.string(keys.wake), .string(type), check.argument, .init(width)]
        arguments.reserveCapacity(4 + width * chunk.count)
        for (index, message) in zip(chunk.indices, chunk) {
            arguments += [.string(message.id), .bytes(message.body)]
            if width > 2 { arguments += values[index] }
        }
        let subject = "sending to the queue \(keys.name)"
        let reply: RedisReply
        do throws(RedisError) {
            reply = try await link.evaluate(
                Scripts.enqueue, keys: keys.forEnqueueing(withOptions: width > 2), arguments: arguments,
                check: check)
        } catch {
            throw HoldfastError.thrown(for: error, subject)
        }
        guard let entries = reply.value.array?.dropFirst(), entries.count == chunk.count else {
            throw HoldfastError(
                .refused, "\(subject): enqueue.lua gave an answer that it cannot give", mayHaveHappened: true)
        }
        return entries.map(Sent.init)
    }
}

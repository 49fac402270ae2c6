import Foundation
import RedisLink

/// A queue of messages, each of which has one effect however often it is sent or delivered.
///
/// Messages are entries of a Redis stream, encoded as JSON; see ``JSONCoders``. Any client may add one:
/// `XADD <key> * id <id> body <json>`.
public struct MessageQueue<Message: Codable & Sendable>: Sendable {
    /// What it is called in Redis.
    public let name: String
    let opened: Result<QueueStore, HoldfastError>
    let coders: JSONCoders

    init(name: String, opened: Result<QueueStore, HoldfastError>, coders: JSONCoders) {
        self.name = name
        self.opened = opened
        self.coders = coders
    }

    /// Adds a message, unless one with its id has been added before.
    ///
    /// One round trip. If the outcome is unknown, send again with the same id: it will be in the queue once.
    ///
    /// - Parameters:
    ///   - message: encoded as JSON.
    ///   - id: 1 to 512 bytes, the same whenever this message is sent. It should come from the message's
    ///     origin, like the number of an order: with an id that is made up for each call, repetitions are not
    ///     recognised.
    ///   - options: when and in which order it is handled; at once and in no particular order by default.
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/invalidArgument`` for a message of more than 32
    ///   MiB; with ``HoldfastError/mayHaveHappened`` the message may be in the queue. `CancellationError` if
    ///   the task is cancelled; then, too, it may be in the queue.
    @discardableResult
    public func send(_ message: Message, id: String, options: SendOptions? = nil) async throws -> SendOutcome
    {
        try await send(contentsOf: [(id, message)], options: options.map { options in { _ in options } })[0]
    }

    /// Adds many messages, with one round trip for each 500 of them; otherwise like ``send(_:id:options:)``.
    ///
    /// - Parameter options: those of each message.
    /// - Returns: the outcome for each, in order. If it throws, those up to some point are in the queue: send
    ///   all of them again.
    @discardableResult
    public func send(
        contentsOf messages: [(id: String, message: Message)], options: ((Message) -> SendOptions)? = nil
    ) async throws -> [SendOutcome] {
        let store = try opened.get()
        let encoded = try messages.map { id, message in (id: id, body: try encode(message, id: id)) }
        return try await store.enqueue(
            encoded, type: MessageKind.text(for: Message.self),
            options.map { messages.map(\.message).map($0) } ?? [])
    }

    /// What the queue holds. One round trip.
    public func status() async throws -> QueueStatus {
        try await opened.get().status()
    }

    /// The Redis key that effects named `name` write to, so that others can read the result.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/invalidArgument`` where the queue's name cannot be used.
    public func effectKey(_ name: String) throws -> String {
        try opened.get().keys.effect(name)
    }

    func store() throws(HoldfastError) -> QueueStore { try opened.get() }

    /// Decodes a message. One that cannot be decoded fails its attempt, since a newer instance may be able to
    /// decode it.
    static func decode(_ body: [UInt8], by decoder: JSONDecoder) throws -> Message {
        do {
            return try decoder.decode(Message.self, from: Data(body))
        } catch {
            throw UnreadableMessage(type: Message.self, isEmpty: body.isEmpty, error: error)
        }
    }

    func encode(_ message: Message, id: String) throws(HoldfastError) -> [UInt8] {
        do {
            return [UInt8](try coders.encoder.encode(message))
        } catch {
            throw HoldfastError(
                .invalidArgument, "the message \(id) cannot be encoded as JSON", underlying: error)
        }
    }
}

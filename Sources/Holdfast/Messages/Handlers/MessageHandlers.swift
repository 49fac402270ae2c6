import Foundation

/// The handlers of a queue that carries several types; see ``Holdfast/handle(_:options:coders:by:)``.
public struct MessageHandlers: Sendable {
    private(set) var routes = MessageRoutes()
    private let decoder: JSONDecoder

    init(decoder: JSONDecoder) {
        self.decoder = decoder
    }

    /// Handles messages of one type with `handler`, including older versions of it that have no handler of
    /// their own.
    ///
    /// - Parameters:
    ///   - type: what the messages are.
    ///   - retry: how often these messages are tried; defaults to ``ConsumerOptions/retry``.
    ///   - handler: as for ``Holdfast/handle(_:options:_:)``.
    public mutating func on<Message: VersionedMessage>(
        _ type: Message.Type, retry: RetryPolicy? = nil,
        _ handler: @escaping @Sendable (Message, Delivery) async throws -> Decision
    ) {
        routes.add(MessageKind(type), MessageRoute(handler: .one(for: handler, decoder), retry: retry))
    }

    /// Handles up to `size` messages of one type with one call of `handler`, like
    /// ``Holdfast/handle(batchesOf:from:options:_:)``.
    public mutating func on<Message: VersionedMessage>(
        batchesOf size: Int, _ type: Message.Type, retry: RetryPolicy? = nil,
        _ handler: @escaping @Sendable ([ReceivedMessage<Message>]) async throws -> [Decision]
    ) {
        routes.add(
            MessageKind(type), MessageRoute(handler: .many(for: handler, upTo: size, decoder), retry: retry))
    }
}

/// A message in a batch.
public struct ReceivedMessage<Message: Sendable>: Sendable {
    /// The message, decoded.
    public let message: Message
    /// This attempt at it.
    public let delivery: Delivery

    /// What a test gives to a handler of batches.
    public init(message: Message, delivery: Delivery) {
        self.message = message
        self.delivery = delivery
    }
}

extension MessageRoute.Handler {
    static func one<Message: Codable & Sendable>(
        for handler: @escaping @Sendable (Message, Delivery) async throws -> Decision, _ decoder: JSONDecoder
    ) -> Self {
        .one { claim, delivery in
            try await handler(MessageQueue<Message>.decode(claim.body, by: decoder), delivery)
        }
    }

    static func many<Message: Codable & Sendable>(
        for handler: @escaping @Sendable ([ReceivedMessage<Message>]) async throws -> [Decision],
        upTo size: Int, _ decoder: JSONDecoder
    ) -> Self {
        .many(size) { messages in
            let read = messages.map { claim, delivery in
                Result {
                    ReceivedMessage(
                        message: try MessageQueue<Message>.decode(claim.body, by: decoder), delivery: delivery
                    )
                }
            }
            let readable = read.compactMap { try? $0.get() }
            let verdicts = readable.isEmpty ? [] : try await handler(readable)
            guard verdicts.count == readable.count else {
                throw HoldfastError(
                    .invalidArgument,
                    "the handler decided on \(verdicts.count) of \(readable.count) messages")
            }
            var next = verdicts.makeIterator()
            return read.map { result in result.map { _ in next.next()! } }
        }
    }
}

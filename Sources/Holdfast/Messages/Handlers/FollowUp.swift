import Foundation
import RedisLink

/// A message that is sent by the step that commits another one.
struct FollowUp: Sendable {
    let queue: QueueKeys
    /// Nil for one that is made of the id of the message that is committed.
    let id: String?
    let type: String
    let body: [UInt8]
    let options: SendOptions?
    /// Reads the body again.
    let decoder: JSONDecoder

    func id(after parent: String, number: Int) -> String { id ?? "\(parent)/\(number)" }
}

extension Effects {
    /// Sends a message when this one is committed. This makes chains of messages, each link of which happens
    /// exactly once.
    ///
    /// ```swift
    /// let packing = holdfast.queue("orders/packing", of: Packing.self)
    /// holdfast.handle(orders) { order, delivery in
    ///     try .commit { effects in
    ///         effects.increment("orders-placed")
    ///         try effects.send(Packing(order: order.id), to: packing)
    ///     }
    /// }
    /// ```
    ///
    /// Both queues must lie together: their names must be the same up to the first slash, as in `orders`,
    /// `orders/packing` and `orders/billing`. Otherwise the attempt fails.
    ///
    /// - Parameters:
    ///   - message: encoded as JSON, by the coders of the queue it goes to.
    ///   - queue: where it goes.
    ///   - id: if the queue knows it already, nothing is sent. Defaults to the id of the committed message, a
    ///     slash, and the number of this message among those of the commit, from 1.
    ///   - options: when and in which order it is handled. Uniqueness and origin cannot be used here.
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/invalidArgument``, before anything is written.
    public mutating func send<Message>(
        _ message: Message, to queue: MessageQueue<Message>, id: String? = nil,
        options: SendOptions? = nil
    ) throws {
        guard options?.unique == nil, options?.origin == nil else {
            throw HoldfastError(
                .invalidArgument, "a message that is sent by a commit has neither uniqueness nor origin")
        }
        _ = try options?.arguments
        let keys = try queue.store().keys
        let body = try queue.encode(message, id: id ?? "that follows")
        followUps.append(
            FollowUp(
                queue: keys, id: id, type: MessageKind.text(for: Message.self), body: body, options: options,
                decoder: queue.coders.decoder))
    }

    /// Why these effects cannot belong to the message `id` of `queue`; nil if they can.
    func problem(in queue: QueueKeys, id: String) -> String? {
        for (index, message) in followUps.enumerated() {
            if message.queue.family != queue.family {
                return
                    "the queue \(message.queue.name) does not lie with \(queue.name): a commit cannot send to it"
            }
            let count = message.id(after: id, number: index + 1).utf8.count
            if !(1...MessageLimits.id).contains(count) {
                return "a message id must have 1 to 512 bytes, not \(count)"
            }
            if message.body.count > MessageLimits.body {
                return "the message for the queue \(message.queue.name) has \(message.body.count) bytes, "
                    + "more than \(MessageLimits.body)"
            }
        }
        return nil
    }
}

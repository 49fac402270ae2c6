public import Foundation
public import Logging

/// One attempt to handle a message, as a queue's handler gets it.
public struct Delivery: Sendable {
    /// The name of the queue.
    public let queue: String
    package let claim: MessageClaim
    /// How many attempts the message has in all.
    let attempts: Int
    private let namespace: String
    private let baseLogger: Logger

    package init(
        of claim: MessageClaim, queue: String, namespace: String, attempts: Int, baseLogger: Logger
    ) {
        self.queue = queue
        self.namespace = namespace
        self.claim = claim
        self.attempts = attempts
        self.baseLogger = baseLogger
    }

    /// A logger with the queue, the message and the attempt as metadata. Made when it is first used.
    public var logger: Logger {
        var logger = baseLogger
        logger[metadataKey: "holdfast.message"] = .string(claim.id)
        logger[metadataKey: "holdfast.attempt"] = .stringConvertible(claim.attempt)
        return logger
    }

    /// The id the message was sent with. A message that was added by a plain `XADD` without an `id` has the
    /// id of its stream entry.
    public var id: String { claim.id }

    /// The type of the message according to its sender; empty if the sender did not say.
    public var type: String { claim.type }

    /// Which attempt this is, from 1. Attempts whose process died count.
    public var attempt: Int { claim.attempt }

    /// Whether the message is dead if this attempt fails; see ``RetryPolicy/attempts``.
    public var isLastAttempt: Bool { claim.attempt >= attempts }

    /// When the message was added to the queue, by the clock of the Redis server, in whole milliseconds; for
    /// a replayed message, when it was replayed. A scheduled message is added long before it is due.
    public var enqueuedAt: Date { Date(timeIntervalSince1970: Double(claim.enqueuedAt) / 1000) }

    /// The priority that the message was sent with.
    public var priority: SendOptions.Priority { claim.priority }

    /// Higher than that of every earlier claim on the queue, but shared by messages claimed in one call. Let
    /// whatever the handler writes to refuse lower ones.
    public var fencingToken: FencingToken { claim.fencingToken }

    /// The same for all attempts at this message, and different from that of every other message: for a
    /// remote API that takes an idempotency key.
    ///
    /// `<namespace>/queue/<queue>/<id>`, in ASCII: in each part everything but letters, digits, `-`, `.`, `_`
    /// and `~` is percent-encoded. The format never changes. If the API takes fewer characters, give it a
    /// digest of the key, such as SHA-256.
    public var idempotencyKey: String { IdempotencyKey.text(namespace, .message, queue, id) }

    /// Whether the claim is held at this moment. No round trip.
    public var isHeld: Bool { claim.isHeld }

    /// How long the claim may still be believed if no renewal succeeds; it is renewed while the handler runs.
    /// No round trip.
    public var remaining: Duration { claim.remaining }

    /// Throws unless the claim is held at this moment. Call it before each step that must not be done by two
    /// instances. No round trip.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/lost``.
    public func check() throws {
        if let loss = claim.loss {
            throw HoldfastError(.lost, "the claim on message \(id) of the queue \(queue) was lost: \(loss)")
        }
    }
}

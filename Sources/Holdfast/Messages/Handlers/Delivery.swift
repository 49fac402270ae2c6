public import Foundation
public import Logging

/// One attempt to handle a message, as a queue's handler gets it.
public struct Delivery: Sendable {
    /// The name of the queue.
    public let queue: String
    package let claim: MessageClaim
    /// How many the message has in all.
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

    /// A logger that tells the queue, the message and the attempt. Made when it is asked for.
    public var logger: Logger {
        var logger = baseLogger
        logger[metadataKey: "holdfast.message"] = .string(claim.id)
        logger[metadataKey: "holdfast.attempt"] = .stringConvertible(claim.attempt)
        return logger
    }

    /// The id the message was sent with. A message that was added by a plain `XADD` without an `id` has that
    /// of its stream entry.
    public var id: String { claim.id }

    /// What kind of message its sender says it is; empty if it does not say.
    public var type: String { claim.type }

    /// Which attempt this is, from 1. Attempts whose process died count.
    public var attempt: Int { claim.attempt }

    /// Whether the message is dead if this attempt fails, see ``RetryPolicy/attempts``.
    public var isLastAttempt: Bool { claim.attempt >= attempts }

    /// When the message was added to the queue, by the clock of the Redis server, in whole milliseconds; for one that
    /// was replayed, when that was done. A scheduled message is added long before it is due.
    public var enqueuedAt: Date { Date(timeIntervalSince1970: Double(claim.enqueuedAt) / 1000) }

    /// The priority that the message was sent with.
    public var priority: SendOptions.Priority { claim.priority }

    /// Higher than that of every claim on the queue before this one, but shared by messages claimed in one
    /// call. Let what the handler writes to refuse lower ones.
    public var fencingToken: FencingToken { claim.fencingToken }

    /// The same for all attempts of this message, and different for all others: for a remote API that takes one.
    ///
    /// `<namespace>/queue/<queue>/<id>`, in ASCII: in each part all but letters, digits, `-`, `.`, `_` and `~` is
    /// percent-encoded. The format never changes. Where the API takes fewer characters, give it a digest of the key,
    /// such as SHA-256.
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

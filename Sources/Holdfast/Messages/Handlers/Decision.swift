/// What a handler has decided about its message.
///
/// Where a message's effect lives decides what can be promised about it:
///
/// - in the queue's own Redis, recorded with ``commit(_:)``: exactly once;
/// - in a transactional database, together with a row that says the message is done, by
///   ``Delivery/commit(in:guarding:_:)``: exactly once while that row lives;
/// - behind an API with idempotency keys, given ``Delivery/idempotencyKey``: exactly once within that API's
///   window;
/// - in a target that compares ``Delivery/fencingToken``: no stale write;
/// - anywhere else: at least once, or with ``RetryPolicy/atMostOnce`` at most once.
///
/// docs/handling.md shows each decision with its settings. A test compares what a handler returned, or looks into it:
///
/// ```swift
/// let handled = try await book(order, .forTest(attempt: 5))
/// #expect(handled == .deadLetter("the account is closed"))
/// ```
public struct Decision: Sendable, Equatable {
    /// The kinds of decisions. Later versions may add more.
    public struct Kind: Hashable, Sendable, CustomStringConvertible {
        /// The kind in words.
        public let description: String

        /// The message is done: ``Decision/effects`` are written with it.
        public static let commit = Kind(description: "commit")
        /// The attempt failed: ``Decision/delay`` is the wait before the next one.
        public static let retry = Kind(description: "retry")
        /// The message can never be handled: ``Decision/reason`` is why.
        public static let deadLetter = Kind(description: "dead-letter")
        /// The attempt does not count: ``Decision/delay`` is the wait before the message may be claimed
        /// again.
        public static let giveBack = Kind(description: "give back")
    }

    enum Verdict: Sendable, Equatable {
        case commit(Effects)
        case retry(after: Duration?)
        case bury(reason: String)
        case giveBack(after: Duration?)
    }

    let verdict: Verdict

    /// The message is done.
    public static var commit: Decision { Decision(verdict: .commit(Effects())) }

    /// The message is done, and these writes to Redis are its effect. They are applied in the same step as
    /// the commit.
    ///
    /// ```swift
    /// holdfast.handle(orders) { order, delivery in
    ///     .commit { effects in effects.increment("revenue-cents", by: order.cents) }
    /// }
    /// ```
    public static func commit(_ record: (inout Effects) throws -> Void) rethrows -> Decision {
        var effects = Effects()
        try record(&effects)
        return Decision(verdict: .commit(effects))
    }

    /// The attempt failed, and the message is handled again after `delay`: at once if that is zero or less,
    /// and if it is nil after a random wait according to ``ConsumerOptions/retry``. After the last attempt
    /// the message is dead.
    public static func retry(after delay: Duration? = nil) -> Decision {
        Decision(verdict: .retry(after: delay))
    }

    /// The message can never be handled: it is moved to the dead letters, with `reason`.
    public static func deadLetter(_ reason: String) -> Decision {
        Decision(verdict: .bury(reason: reason))
    }

    /// The message is not for this instance, or not yet: it is left to whichever instance claims it next, and
    /// the attempt does not count.
    ///
    /// A message may be given back any number of times. With ``RetryPolicy/atMostOnce``, where nothing is
    /// handed out again once its handler has begun, the message is dead-lettered instead.
    ///
    /// - Parameter delay: how long nobody can claim it; zero or less means not at all. If it is nil, a random
    ///   time that grows with the time the message has been in the queue: at first half a second to a second,
    ///   at most a minute.
    public static func giveBack(after delay: Duration? = nil) -> Decision {
        Decision(verdict: .giveBack(after: delay))
    }
}

/// What a test, or code around a handler, looks into.
extension Decision {
    /// Which kind of decision it is.
    public var kind: Kind {
        switch verdict {
        case .commit: .commit
        case .retry: .retry
        case .bury: .deadLetter
        case .giveBack: .giveBack
        }
    }

    /// What is written and sent with the commit; nil for other decisions.
    public var effects: Effects? {
        if case .commit(let effects) = verdict { effects } else { nil }
    }

    /// The wait before the message may be handled again, for ``Decision/retry`` and ``Decision/giveBack``;
    /// nil if the handler did not give one.
    public var delay: Duration? {
        switch verdict {
        case .retry(let delay), .giveBack(let delay): delay
        case .commit, .bury: nil
        }
    }

    /// Why the message can never be handled; nil for decisions other than ``Decision/deadLetter``.
    public var reason: String? {
        if case .bury(let reason) = verdict { reason } else { nil }
    }
}

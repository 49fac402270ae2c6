/// What a handler decided about its message.
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
public struct Handled: Sendable {
    enum Verdict: Sendable {
        case commit(Effects)
        case retry(after: Duration?)
        case bury(reason: String)
    }

    let verdict: Verdict

    /// The message is done.
    public static var commit: Handled { Handled(verdict: .commit(Effects())) }

    /// The message is done, and these writes to Redis are its effect. They are applied in the committing step
    /// itself.
    ///
    /// ```swift
    /// return .commit { effects in effects.increment("revenue-cents", by: order.cents) }
    /// ```
    public static func commit(_ record: (inout Effects) throws -> Void) rethrows -> Handled {
        var effects = Effects()
        try record(&effects)
        return Handled(verdict: .commit(effects))
    }

    /// The message is to be handled again: after `delay`, at once where that is zero or less, or unless set as ``ConsumerOptions/retry`` says.
    /// The attempt counts; after the last one the message is dead.
    public static func retry(after delay: Duration? = nil) -> Handled {
        Handled(verdict: .retry(after: delay))
    }

    /// The message can never be handled: it is moved to the dead letters with `reason`.
    public static func deadLetter(_ reason: String) -> Handled {
        Handled(verdict: .bury(reason: reason))
    }
}

import RedisLink

/// One wish for a lease: what to take, with which token, for how long.
package final class LeaseClaim: Sendable {
    enum Answer {
        case granted(FencingToken?, sentAt: Moment)
        /// Anew: the claim stands in the queue since this attempt.
        case refused(Holder, queuedAnew: Bool, sentAt: Moment)
    }

    /// What an attempt does about those who wait for the same name.
    package enum Mode: String, Sendable {
        /// Takes the name only if nobody waits for it.
        case attempt = "try"
        /// Takes a place behind them, unless the claim has one.
        case wait
        /// Takes the name, or a place, before them.
        case barge
    }

    package let name: String
    let kind: any LeaseKind
    /// A grant without a fence is tried by a bare `SET`.
    package let isFenced: Bool
    package let token: String
    package let lease: LeaseTerm

    init(_ name: String, _ kind: any LeaseKind, isFenced: Bool = true, token: String, lease: LeaseTerm) {
        self.name = name
        self.kind = kind
        self.isFenced = isFenced
        self.token = token
        self.lease = lease
    }

    package var key: String { kind.key }
    var exactKey: ExactText { ExactText(kind.key) }
}

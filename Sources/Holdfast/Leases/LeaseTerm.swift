package import RedisLink

/// The length of a lease with what follows from it, worked out once: dividing durations is slow. An object, since
/// most leases share the configured one.
package final class LeaseTerm: Sendable {
    /// How long a waiter has to confirm a grant. The same for all, because it must outlast every other waiter's
    /// patience.
    package static let grant = LeaseTerm(.seconds(3))

    package let duration: Duration
    /// The part of it that is believed: one per cent less for clocks of different rate, two milliseconds for
    /// Redis' rounding.
    let trusted: Duration
    /// How long after its grant, or its last renewal, it is to be renewed: a third of it. Its holder is warned
    /// when so much is left.
    package let renewal: Duration
    /// How long a renewal may be due without success before the holder is told: a sixth of it.
    let patience: Duration
    /// How much longer than the lease the name stays taken after a loss.
    let lockDelay: Duration
    /// How long the key lives in Redis: the lease and the lock-delay.
    package let keyLifetime: Duration
    /// How long it may be held in all; nil for no limit.
    let maximumHold: Duration?
    /// The key's lifetime as scripts and `PX` take it.
    package var milliseconds: RedisArgument { .integer(wholeMilliseconds) }
    private let wholeMilliseconds: Int64

    func shorter(_ other: LeaseTerm) -> LeaseTerm { other.duration < duration ? other : self }

    package init(_ duration: Duration, lockDelay: Duration = .zero, maximumHold: Duration? = nil) {
        self.duration = duration
        trusted = duration - duration / 100 - .milliseconds(2)
        renewal = duration / 3
        patience = duration / 6
        self.lockDelay = lockDelay
        keyLifetime = duration + lockDelay
        self.maximumHold = maximumHold
        wholeMilliseconds = keyLifetime.wholeMilliseconds
    }
}

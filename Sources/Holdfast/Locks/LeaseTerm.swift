package import RedisLink

/// The length of a lease with what follows from it, worked out once: dividing durations is slow.
package struct LeaseTerm: Sendable, Hashable {
    package let duration: Duration
    /// The part of it that is believed: one per cent less for clocks of different rate, two milliseconds for
    /// Redis' rounding.
    let trusted: Duration
    /// How long after its grant, or its last renewal, it is to be renewed.
    let renewal: Duration
    /// As scripts and `PX` take it.
    package var milliseconds: RedisArgument { .integer(wholeMilliseconds) }
    private let wholeMilliseconds: Int64

    package init(_ duration: Duration) {
        self.duration = duration
        trusted = duration - duration / 100 - .milliseconds(2)
        renewal = duration / 3
        wholeMilliseconds = duration.wholeMilliseconds
    }
}

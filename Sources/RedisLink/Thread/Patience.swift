/// How long a thread looks for a reply before it goes to sleep.
///
/// A value without a clock.
struct Patience {
    static let longest: Duration = .microseconds(100)
    static let shortest: Duration = .microseconds(5)
    /// Once patience is used up, one wait in this many still begins with a look.
    static let trial = 64

    private var length = longest
    private var waits = 0

    /// Until when to look; nil for not at all.
    mutating func begin(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard length < Self.shortest else { return now + length }
        waits += 1
        guard waits == Self.trial else { return nil }
        waits = 0
        return now + Self.longest
    }

    /// - Parameter rewarded: whether something came in that time.
    mutating func ended(rewarded: Bool) {
        length = rewarded ? Self.longest : length / 2
    }
}

import RedisLink

/// What the Redis server's clock shows, estimated from the last reply that told it.
///
/// The estimate lags behind by up to the time that reply travelled; it is ahead only by the drift since then,
/// or if the server's clock was set back. So whoever waits by it seldom asks too early.
struct ServerClock: Sendable {
    /// What a server's clock may show: the numbers that Lua has exactly, the next 285,000
    /// years. What a server, or whoever wrote to its keys, says beyond that is not to be reckoned with.
    static let range: ClosedRange<Int64> = 0...(1 << 53)

    /// How far a worker's cursor lies ahead of the clock, which was set back by so much at least since the cursor was
    /// moved. Nil for a second or less, by which clocks are corrected all the time.
    static func lead(of cursor: Int64, over time: Int64) -> Duration? {
        let lead = cursor.since(time)
        return lead > 1000 ? .milliseconds(lead) : nil
    }

    private let milliseconds: Int64
    private let receivedAt: ContinuousClock.Instant

    init(milliseconds: Int64, receivedAt: ContinuousClock.Instant) {
        self.milliseconds = milliseconds
        self.receivedAt = receivedAt
    }

    /// Milliseconds since 1970 on the server, at the local instant `now`.
    func milliseconds(at now: ContinuousClock.Instant) -> Int64 {
        milliseconds + (now - receivedAt).wholeMilliseconds
    }

    /// The local instant at which the server shows `milliseconds`.
    func instant(of milliseconds: Int64) -> ContinuousClock.Instant {
        receivedAt + .milliseconds(milliseconds - self.milliseconds)
    }

    /// The local instant at which the estimate is so old.
    func end(of age: Duration) -> ContinuousClock.Instant { receivedAt + age }

    func age(at now: ContinuousClock.Instant) -> Duration { now - receivedAt }
}

extension Int64 {
    /// How much larger this number is than `earlier`, zero if it is not. Both come from a server and may be
    /// any two numbers.
    func since(_ earlier: Int64) -> Int64 {
        guard self > earlier else { return 0 }
        let (difference, isTooLarge) = subtractingReportingOverflow(earlier)
        return isTooLarge ? .max : difference
    }
}

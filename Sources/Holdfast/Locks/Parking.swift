/// How long a refused caller waits before it asks again.
///
/// It asks at the latest when the holder's lease ends. A release comes without notice, so it also asks at
/// intervals that grow to a quarter of a second, each of random length so that callers spread.
struct Parking: Sendable {
    private static let shortest: Duration = .milliseconds(10)
    private static let longest: Duration = .milliseconds(250)

    private let deadline: ContinuousClock.Instant?
    private var interval = shortest

    init(began: ContinuousClock.Instant, limit: Duration?) {
        deadline = limit.map { began + $0 }
    }

    /// The pause before the next attempt, nil when the limit is over. `random` is uniform in 0..<1.
    mutating func refused(by holder: Holder, at now: ContinuousClock.Instant, random: Double) -> Duration? {
        var pause = interval * (0.5 + random / 2)
        interval = min(interval * 2, Self.longest)
        // One millisecond more: Redis' remaining time is rounded, and a key lives until it has passed.
        if let remaining = holder.remaining { pause = min(pause, remaining + .milliseconds(1)) }
        guard let deadline else { return pause }
        guard now < deadline else { return nil }
        return min(pause, deadline - now)
    }
}

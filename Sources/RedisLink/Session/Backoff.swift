/// Capped exponential back-off with full jitter: the wait is uniform between zero and the ceiling, so that
/// many clients of one failed server do not come back together.
struct Backoff: Sendable {
    var first: Duration = .milliseconds(50)
    var cap: Duration = .seconds(2)
    private(set) var failures = 0

    /// The wait before the next attempt. `random` is uniform in 0..<1.
    mutating func failed(random: Double) -> Duration {
        let ceiling = min(cap, first * (1 << min(failures, 16)))
        failures += 1
        return ceiling * random
    }

    mutating func succeeded() {
        failures = 0
    }
}

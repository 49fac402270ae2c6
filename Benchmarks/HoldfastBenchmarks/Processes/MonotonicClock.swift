import Foundation

/// The clock that all processes of a benchmark share, even those in other languages: `CLOCK_MONOTONIC`.
enum MonotonicClock {
    /// Nanoseconds since the machine started.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

internal import Logging

/// What is logged of a server that is away: each kind of failure once, not each attempt, until the server has
/// answered a command. One that accepts connections and cannot serve us is away, too.
struct Outage {
    private var told: RedisError.Code?

    /// Whether it was logged that the server is away.
    var isTold: Bool { told != nil }

    /// At which level this failure is logged; nil for not at all. A connection that ends is nothing unusual; one
    /// that cannot be made is.
    mutating func failed(_ error: RedisError) -> Logger.Level? {
        guard told != error.code, error.code != .closed else { return nil }
        told = error.code
        return error.code == .connectionLost ? .notice : .warning
    }

    mutating func answered() {
        told = nil
    }
}

/// Which failures are reported while a server is away: each kind once, not each attempt, until the server has
/// answered a command. A server that accepts connections but cannot serve us is away, too.
struct Outage {
    private var told: RedisError.Code?

    /// Whether it was reported that the server is away.
    var isTold: Bool { told != nil }

    /// Whether to report this failure.
    mutating func failed(_ error: RedisError) -> Bool {
        guard told != error.code, error.code != .closed else { return false }
        told = error.code
        return true
    }

    mutating func answered() {
        told = nil
    }
}

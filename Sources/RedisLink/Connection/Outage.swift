/// Which failures of a server that is away are told: each kind once, not each attempt, until the server has answered a
/// command. One that accepts connections and cannot serve us is away, too.
struct Outage {
    private var told: RedisError.Code?

    /// Whether it was told that the server is away.
    var isTold: Bool { told != nil }

    /// Whether this failure is to be told.
    mutating func failed(_ error: RedisError) -> Bool {
        guard told != error.code, error.code != .closed else { return false }
        told = error.code
        return true
    }

    mutating func answered() {
        told = nil
    }
}

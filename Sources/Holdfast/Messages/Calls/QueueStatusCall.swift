import RedisLink

extension ScriptCall<QueueStatus> {
    static func stats(of queue: QueueKeys) -> Self {
        Self(Scripts.queueStats, keys: queue.forCounting, []) { QueueStatus(name: queue.name, $0.value) }
    }
}

extension QueueStatus {
    fileprivate init?(name: String, _ reply: RedisValue) {
        let parts = reply.array ?? []
        let numbers = parts.prefix(4).map { Int($0.integer ?? 0) }
        guard numbers.count == 4, parts.count == 8, let now = parts[5].integer else { return nil }
        // An entry's id begins with the server's time in milliseconds, unless a client made up its own.
        let born = parts[4].string.flatMap { Int64($0.prefix { $0 != "-" }) }
        self.init(
            name: name, ready: numbers[0], inFlight: numbers[1], delayed: numbers[2],
            blocked: Int(parts[6].integer ?? 0), dead: numbers[3],
            oldestAge: born.map { .milliseconds(now.since($0)) },
            pausedFor: parts[7].string.map { .milliseconds(now.since(Int64($0) ?? now)) })
    }
}

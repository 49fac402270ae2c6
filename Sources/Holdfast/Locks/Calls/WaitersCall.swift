import RedisLink

/// What waiters.lua answers: the queue of a lock.
struct WaitersAnswer: Sendable {
    struct Waiter: Sendable {
        var token: String?
        var waitingFor: Duration
        /// Granted, and not confirmed yet.
        var isGranted: Bool
    }

    var first: [Waiter]
    var count: Int
}

extension ScriptCall<WaitersAnswer> {
    static func waiters(ofLock lock: String, limit: Int) -> Self {
        Self(
            Scripts.waiters, keys: [KeySpace.waiters(ofLock: lock)],
            [RedisArgument(min(max(limit, 1), Int(Int32.max)))], read: WaitersAnswer.init)
    }
}

extension WaitersAnswer {
    fileprivate init?(_ reply: RedisReply) {
        guard let parts = reply.value.array, parts.count.isMultiple(of: 2), parts.count >= 2,
            let now = parts[0].integer, let count = parts[1].integer
        else { return nil }
        self.count = Int(clamping: count)
        first = stride(from: 2, to: parts.count, by: 2).map { index in
            let arrival = parts[index + 1].string.flatMap(Double.init) ?? 0
            // Anybody can write a score there, also an infinite one.
            let since = Int64(exactly: arrival.magnitude.rounded()) ?? .max
            return Waiter(
                token: parts[index].string, waitingFor: .microseconds(now.since(since)),
                isGranted: arrival < 0)
        }
    }
}

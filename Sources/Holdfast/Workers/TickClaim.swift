import RedisLink

/// The calls that a worker's loop makes.
struct TickClaim: Sendable {
    let link: RedisLink
    let cursorKey: String
    let lockKey: String
    let fenceKey: String
    let lease: Duration

    struct Reply: Sendable {
        var answer: TickMachine.Answer
        /// Milliseconds since 1970 on the server.
        var serverTime: Int64
        var sentAt: ContinuousClock.Instant
    }

    init(worker: String, lease: Duration, link: RedisLink, keys: KeySpace) throws(HoldfastError) {
        try Configuration.validate(lease: lease)
        guard !worker.isEmpty else { throw HoldfastError(.invalidArgument, "a worker's name is empty") }
        let name = Self.lockName(worker)
        cursorKey = try keys.key(name, "cursor")
        lockKey = try keys.lock(name)
        fenceKey = try keys.fence(name)
        self.link = link
        self.lease = lease
    }

    /// The lock that a worker's run holds; it is listed like any other lock.
    static func lockName(_ worker: String) -> String { "worker/\(worker)" }

    /// Asks for the cursor and the server's time. One round trip, no writes.
    func ask() async throws(RedisError) -> Reply {
        try await call(cursor: "?", nominal: 0, token: RandomHex.digits(32))
    }

    /// Claims the tick `nominal`. While the outcome is unknown the call is repeated with the same token,
    /// which is answered as the first one was, as long as the run could not have ended by itself.
    ///
    /// Cancellation does not interrupt it: an abandoned claim would be a tick that nobody runs.
    func claim(nominal: Int64, cursor: Int64?, token: String) async throws(RedisError) -> Reply {
        let end = ContinuousClock.now + lease
        var unknown = false
        while true {
            do throws(RedisError) {
                return try await call(cursor: cursor.map { String($0) } ?? "", nominal: nominal, token: token)
            } catch {
                unknown = unknown || error.delivery == .unknown
                let isFinal = error.code == .closed || error.code == .authenticationFailed
                guard unknown, !isFinal, ContinuousClock.now < end else { throw error }
                await link.pauseShielded()
            }
        }
    }

    private func call(cursor: String, nominal: Int64, token: String) async throws(RedisError) -> Reply {
        let reply = try await link.evaluateShielded(
            Scripts.tick, keys: [cursorKey, lockKey, fenceKey],
            arguments: [
                .string(cursor), .integer(nominal), .string(token), .init(milliseconds: lease),
                .init(milliseconds: LockClaim.fenceLifetime),
            ], check: .acquiring(token))
        guard let answer = Reply(reply) else {
            throw RedisError(
                .protocolViolation, delivery: .unknown, "tick.lua gave an answer that it cannot give")
        }
        return answer
    }
}

extension TickClaim.Reply {
    /// Reads what tick.lua answers; nil if it is something else.
    init?(_ reply: RedisReply) {
        guard let parts = reply.value.array, parts.count >= 3, let serverTime = parts[2].integer,
            ServerClock.range.contains(serverTime), let answer = TickMachine.Answer(parts)
        else { return nil }
        self.init(answer: answer, serverTime: serverTime, sentAt: reply.sentAt)
    }
}

extension TickMachine.Answer {
    fileprivate init?(_ parts: [RedisValue]) {
        let detail = parts.count > 3 ? parts[3] : .null
        switch parts[1].string {
        case "claimed":
            guard let fence = detail.integer else { return nil }
            self = .claimed(FencingToken(rawValue: fence))
        case "moved":
            guard detail.string != "" else {
                self = .moved(cursor: nil)
                return
            }
            guard let cursor = detail.integer, ServerClock.range.contains(cursor) else { return nil }
            self = .moved(cursor: cursor)
        case "early": self = .early
        case "running":
            self = .running(remaining: detail.integer.flatMap { $0 < 0 ? nil : .milliseconds($0) })
        default: return nil
        }
    }
}

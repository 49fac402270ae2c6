import RedisLink

/// One wish for a lease: what to take, with which token, for how long.
package struct LockClaim: Sendable {
    enum Answer {
        case granted(FencingToken?, sentAt: Moment)
        case refused(Holder)
    }

    /// How long a fence's record outlives its last grant. Without it the server's time keeps later fences
    /// higher.
    package static let fenceLifetime: Duration = .seconds(7 * 86_400)

    package let name: String
    package let key: String
    /// Where the fence is kept; nil for a bare `SET`, whose grant has none.
    package let fenceKey: String?
    package let token: String
    package let lease: LeaseTerm

    package init(name: String, key: String, fenceKey: String?, token: String, lease: LeaseTerm) {
        self.name = name
        self.key = key
        self.fenceKey = fenceKey
        self.token = token
        self.lease = lease
    }

    /// Asks once. Asking again with the same token is answered as the first time.
    nonisolated(nonsending) func attempt(over connection: RedisConnection) async throws(RedisError) -> Answer
    {
        guard let fenceKey else { return try await attemptPlain(connection) }
        return try await attemptFenced(fenceKey, connection)
    }

    private nonisolated(nonsending) func attemptFenced(
        _ fenceKey: String, _ connection: RedisConnection
    ) async throws(RedisError) -> Answer {
        let reply = try await connection.evaluate(
            Scripts.acquire, keys: [key, fenceKey],
            arguments: [.string(token), lease.milliseconds, .init(milliseconds: Self.fenceLifetime)],
            check: .acquiring(token))
        guard let answer = Answer(fenced: reply) else { throw unexpected }
        return answer
    }

    private nonisolated(nonsending) func attemptPlain(_ connection: RedisConnection) async throws(RedisError)
        -> Answer
    {
        // Free between the refusal and the look at the holder: the next turn takes it or finds another
        // holder.
        while true {
            let set: [RedisArgument] = ["SET", .string(key), .string(token), "NX", "PX", lease.milliseconds]
            let reply = try await connection.send(RedisCommand(set, check: .okOrNull))
            guard reply.value.isNull else { return .granted(nil, sentAt: reply.$sentAt) }
            let look = try await connection.evaluate(
                Scripts.inspect, keys: [key, KeySpace.fence(ofLock: key)], arguments: [])
            guard let parts = look.value.array else { throw unexpected }
            guard let holder = Holder(reply: parts[...]) else { continue }
            guard holder.value == token else { return .refused(holder) }
            // Ours, by an attempt whose answer was lost. When that was sent is not known: count from now.
            let renewal = try await connection.evaluate(
                Scripts.renew, keys: [key], arguments: [.string(token), lease.milliseconds],
                check: .renewing(token))
            if renewal.isYes { return .granted(nil, sentAt: renewal.$sentAt) }
        }
    }

    private var unexpected: RedisError {
        RedisError(.protocolViolation, delivery: .unknown, "Redis gave an answer that the script cannot give")
    }
}

extension LockClaim.Answer {
    /// Reads what acquire.lua answers; nil if it is something else.
    init?(fenced reply: RedisReply) {
        guard let parts = reply.value.array, parts.first?.integer != nil else { return nil }
        if reply.isYes, parts.count == 2, let fence = parts[1].integer {
            self = .granted(FencingToken(rawValue: fence), sentAt: reply.$sentAt)
        } else if !reply.isYes, let holder = Holder(reply: parts.dropFirst()) {
            self = .refused(holder)
        } else {
            return nil
        }
    }
}

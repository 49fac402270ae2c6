import RedisLink

/// One wish for a lease: what to take, with which token, for how long.
package final class LockClaim: Sendable {
    enum Answer {
        case granted(FencingToken?, sentAt: Moment)
        /// Anew: the claim stands in the queue since this attempt.
        case refused(Holder, queuedAnew: Bool, sentAt: Moment)
    }

    /// What an attempt does about those who wait for the same name.
    package enum Mode: String, Sendable {
        /// Takes the name only if nobody waits for it.
        case attempt = "try"
        /// Takes a place behind them, unless the claim has one.
        case wait
        /// Takes the name, or a place, before them.
        case barge
    }

    /// How long a fence's record outlives its last grant. Without it the server's time keeps later fences
    /// higher.
    package static let fenceLifetime: Duration = .seconds(7 * 86_400)

    package let name: String
    package let key: String
    /// Where the fence is kept, if not beside the lock.
    private let fenceKey: String?
    /// Whether there is a queue of those who wait for it.
    private let isWaitedFor: Bool
    /// Whether what it stands for may be done when its client is closed: then nobody else is to begin it at once.
    let endsByItself: Bool
    /// A grant without a fence is tried by a bare `SET`.
    package let isFenced: Bool
    package let token: String
    package let lease: LeaseTerm

    package init(
        name: String, key: String, fenceKey: String? = nil, isWaitedFor: Bool = true,
        endsByItself: Bool = false,
        isFenced: Bool = true, token: String, lease: LeaseTerm
    ) {
        self.name = name
        self.key = key
        self.fenceKey = fenceKey
        self.isWaitedFor = isWaitedFor
        self.endsByItself = endsByItself
        self.isFenced = isFenced
        self.token = token
        self.lease = lease
    }

    /// Asks once. Asking again with the same token is answered as the first time.
    nonisolated(nonsending) func attempt(
        _ mode: Mode, over connection: RedisConnection, wakeChannels: String
    ) async throws(RedisError) -> Answer {
        if let set = bareCommand(mode) {
            let reply = try await connection.send(set)
            if !reply.value.isNull { return .granted(nil, sentAt: reply.$sentAt) }
        }
        return try Answer(
            await connection.evaluate(
                Scripts.acquire, keys: keys, arguments: arguments(mode, wakeChannels: wakeChannels),
                check: .acquiring(token)))
    }

    /// The bare `SET` that is tried first for a grant without a fence; nil for others, and for who has, or takes,
    /// a place in the queue, which it must not overtake.
    func bareCommand(_ mode: Mode) -> RedisCommand? {
        guard !isFenced, mode == .attempt else { return nil }
        let set: [RedisArgument] = ["SET", .string(key), .string(token), "NX", "PX", lease.milliseconds]
        return RedisCommand(set, check: .okOrNull)
    }

    var lockKey: ExactText { ExactText(key) }

    /// The keys and the arguments of acquire.lua.
    var keys: [String] {
        isWaitedFor ? endingKeys : [key, fenceKey ?? KeySpace.fence(ofLock: key)]
    }

    /// The keys of the scripts that end it.
    var endingKeys: [String] {
        guard isWaitedFor else { return [key] }
        return [key, fenceKey ?? KeySpace.fence(ofLock: key), KeySpace.waiters(ofLock: key)]
    }

    func arguments(_ mode: Mode, wakeChannels: String) -> [RedisArgument] {
        [
            .string(token), lease.milliseconds, isFenced ? Self.lifetime : "", .string(mode.rawValue),
            WaitingRoom.grant.milliseconds, .string(wakeChannels),
        ]
    }

    static let lifetime = RedisArgument(milliseconds: fenceLifetime)
}

extension LockClaim.Answer {
    /// Reads what acquire.lua answers.
    init(_ reply: RedisReply) throws(RedisError) {
        guard let answer = Self(reading: reply) else {
            throw RedisError(
                .protocolViolation, delivery: .unknown, "Redis gave an answer that acquire.lua cannot give")
        }
        self = answer
    }

    /// Nil if it is something else.
    init?(reading reply: RedisReply) {
        guard let parts = reply.value.array, parts.first?.integer != nil else { return nil }
        if reply.isYes, parts.count == 2, let fence = parts[1].integer {
            self = .granted(fence == 0 ? nil : FencingToken(rawValue: fence), sentAt: reply.$sentAt)
        } else if !reply.isYes, parts.count == 6, let holder = Holder(reply: parts[1...4]) {
            self = .refused(holder, queuedAnew: parts[5].integer == 1, sentAt: reply.$sentAt)
        } else {
            return nil
        }
    }
}

import RedisLink

extension ScriptCall<MessageClaim.Batch> {
    /// - Parameters:
    ///   - count: how many messages at most.
    ///   - attempts: how many each may have.
    ///   - takeOvers: how many expired claims to take over at most.
    static func claim(
        _ count: Int, from queue: QueueKeys, token: String, lease: Duration, attempts: Int, takeOvers: Int,
        options: ConsumerOptions, clock: LocalClock
    ) -> Self {
        Self(
            Scripts.claim, keys: queue.forClaiming,
            [
                .string(QueueKeys.group), .string(token), .init(milliseconds: lease), .init(count),
                .init(attempts), .init(options.totalConcurrency ?? 0), .init(takeOvers),
                .init(options.deadLetters), .init(milliseconds: options.retention),
            ], check: .acquiring(token)
        ) { MessageClaim.Batch($0, token: token, lease: lease, clock: clock) }
    }
}

extension MessageClaim.Batch {
    init?(_ reply: RedisReply, token: String, lease: Duration, clock: LocalClock = .continuous) {
        guard let parts = reply.value.array, parts.count >= 5, parts.count.isMultiple(of: 5),
            let fence = parts[1].integer, let now = parts[2].integer, let due = parts[3].integer,
            let takenOver = parts[4].integer ?? parts[4].array?.first?.integer,
            let strays = Stray.all(in: (parts[4].array ?? []).dropFirst())
        else { return nil }
        self.strays = strays
        sentAt = reply.$sentAt
        nextDue = due < 0 ? nil : .milliseconds(due.since(now))
        self.takenOver = Int(takenOver)
        claims.reserveCapacity(parts.count / 5 - 1)
        let proof = ":\(fence):\(token)"
        let state = LeaseState(lease: LeaseTerm(lease), sentAt: clock.sending(at: reply.sentAt))
        for index in stride(from: 5, to: parts.count, by: 5) {
            guard let entry = parts[index].string, let id = parts[index + 1].bytes,
                let body = parts[index + 2].bytes, let attempt = parts[index + 3].integer, attempt >= 1,
                let type = parts[index + 4].string
            else { return nil }
            claims.append(
                MessageClaim(
                    entry: entry, id: id, type: type, attempt: Int(attempt), body: body,
                    fencingToken: FencingToken(rawValue: fence), proof: proof, claimedAt: now,
                    lease: state, clock: clock))
        }
    }
}

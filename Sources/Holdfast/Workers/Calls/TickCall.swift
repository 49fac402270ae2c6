import RedisLink

/// A look at a worker, and when it was asked for.
struct TickReply: Sendable {
    var answer: TickAnswer
    @Moment var sentAt: ContinuousClock.Instant
}

extension ScriptCall<TickReply> {
    /// - Parameters:
    ///   - schedule: which the caller goes by.
    ///   - text: how it was told of that one.
    static func tick(
        _ claim: TickClaim, _ look: TickMachine.Look, goingBy schedule: Schedule, text: String, token: String
    ) -> Self {
        func number(_ value: Int64?) -> RedisArgument { value.map { .integer($0) } ?? "" }
        let tick = look.tick
        return Self(
            Scripts.tick, keys: claim.keys.ofTick,
            [
                .string(token), .string(claim.caller), .init(milliseconds: claim.lease),
                FencingToken.lifetime, .init(claim.options.history),
                .init(claim.options.afterCrash.attempts), schedule.followsRuns ? "1" : "",
                .init(claim.options.version), .string(claim.schedule.description), .string(text),
                number(look.seed),
                .string(tick.map { TickInstant(milliseconds: $0.cursor, era: $0.era).description } ?? ""),
                number(tick?.nominal), number(tick?.due), number(tick?.latest),
            ], check: .acquiring(token)
        ) { reply in
            TickAnswer(reply).map { TickReply(answer: $0, sentAt: reply.sentAt) }
        }
    }
}

extension TickAnswer {
    init?(_ reply: RedisReply) {
        guard let parts = reply.value.array, parts.count >= 5, let serverTime = parts[2].integer,
            ServerClock.range.contains(serverTime), let cursor = parts[3].string
        else { return nil }
        self.serverTime = serverTime
        if cursor != "" {
            guard let instant = TickInstant(cursor) else { return nil }
            self.cursor = instant.milliseconds
            era = instant.era
        }
        switch parts[1].string {
        case "claimed":
            guard let run = ClaimedRun(parts[4...]) else { return nil }
            verdict = .claimed(run)
        case "follow":
            guard let schedule = parts[4].string else { return nil }
            verdict = .follow(schedule: schedule)
        case "waiting":
            guard parts.count == 6, let reason = parts[4].string.flatMap(Reason.init),
                let remaining = parts[5].integer
            else { return nil }
            verdict = .waiting(reason, remaining: remaining < 0 ? nil : .milliseconds(remaining))
        default: return nil
        }
    }
}

extension ClaimedRun {
    fileprivate init?(_ parts: ArraySlice<RedisValue>) {
        let parts = Array(parts)
        guard parts.count == 5, let kind = parts[0].string, ["tick", "trigger"].contains(kind),
            let nominal = parts[1].string.flatMap(TickInstant.init),
            let attempt = parts[2].integer, 1...Int64(Int32.max) ~= attempt, let fence = parts[3].integer,
            let slot = parts[4].integer, 1...16 ~= slot
        else { return nil }
        self.init(
            nominal: nominal.milliseconds, era: nominal.era, isTriggered: kind == "trigger",
            attempt: Int(attempt),
            fence: FencingToken(rawValue: fence), slot: Int(slot))
    }
}

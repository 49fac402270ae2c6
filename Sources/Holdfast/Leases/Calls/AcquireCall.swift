import RedisLink

extension ScriptCall<LeaseClaim.Answer> {
    static func acquire(_ claim: LeaseClaim, _ mode: LeaseClaim.Mode, wakeChannels: String) -> Self {
        Self(
            Scripts.acquire, keys: claim.kind.acquiringKeys,
            [
                .string(claim.token), claim.lease.milliseconds, claim.isFenced ? FencingToken.lifetime : "",
                .string(mode.rawValue), LeaseTerm.grant.milliseconds, .string(wakeChannels),
            ], check: .acquiring(claim.token), read: LeaseClaim.Answer.init)
    }
}

extension LeaseClaim.Answer {
    init?(_ reply: RedisReply) {
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

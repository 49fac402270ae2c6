import RedisLink

/// What renew_claims.lua answers.
struct ClaimRenewals: Sendable {
    /// For each claim whether it is still the caller's.
    var renewed: [Bool]
    var sentAt: Moment
}

extension ScriptCall<ClaimRenewals> {
    static func renew(_ claims: [MessageClaim], of queue: QueueKeys, lease: Duration) -> Self {
        let check = ReplyCheck.random()
        let arguments: [RedisArgument] = claims.reduce(into: [.init(milliseconds: lease), check.argument]) {
            $0 += [.string($1.entry), .string($1.owner)]
        }
        let count = claims.count
        return Self(Scripts.renewClaims, keys: queue.forRenewing, arguments, check: check) { reply in
            reply.values(count).map {
                ClaimRenewals(renewed: $0.map { $0.integer == 1 }, sentAt: reply.$sentAt)
            }
        }
    }
}

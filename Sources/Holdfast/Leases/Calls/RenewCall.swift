import RedisLink

/// What renew.lua answers.
enum Renewal: Sendable {
    case renewed(sentAt: Moment)
    /// The lock is not the caller's any more.
    case refused
}

extension ScriptCall<Renewal> {
    static func renew(_ claim: LeaseClaim, isConfirmed: Bool, for milliseconds: RedisArgument) -> Self {
        let waiters = isConfirmed ? nil : claim.kind.waitersKey
        return Self(
            Scripts.renew, keys: [claim.key] + (waiters.map { [$0] } ?? []),
            [.string(claim.token), milliseconds],
            check: .renewing(claim.token)
        ) { $0.isYes ? .renewed(sentAt: $0.$sentAt) : .refused }
    }
}

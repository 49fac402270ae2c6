import RedisLink

extension ScriptCall<Bool> {
    /// Whether the lock was released, and not another's any more.
    static func release(_ claim: LeaseClaim, wakeChannels: String) -> Self {
        Self(
            Scripts.release, keys: claim.kind.endingKeys, claim.ending(wakeChannels),
            numbered: .releasing(claim.token))
    }

    /// Takes the claim out of its name's queue, too; whether it had the lock.
    static func leave(_ claim: LeaseClaim, wakeChannels: String) -> Self {
        Self(
            Scripts.leave, keys: claim.kind.endingKeys, claim.ending(wakeChannels),
            numbered: .releasing(claim.token))
    }
}

extension LeaseClaim {
    fileprivate func ending(_ wakeChannels: String) -> [RedisArgument] {
        [.string(token), LeaseTerm.grant.milliseconds, .string(wakeChannels), FencingToken.lifetime]
    }
}

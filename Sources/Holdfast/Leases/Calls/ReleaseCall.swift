import RedisLink

extension ScriptCall<Bool> {
    /// Whether the lock was released, and not another's any more.
    static func release(_ claim: LeaseClaim, wakeChannels: String) -> Self {
        Self(
            Scripts.release, keys: claim.kind.endingKeys, claim.ending(wakeChannels),
            numbered: .releasing(claim.token))
    }
}

extension LeaseClaim {
    /// The arguments of the scripts that end it.
    func ending(_ wakeChannels: String) -> [RedisArgument] {
        [.string(token), LeaseTerm.grant.milliseconds, .string(wakeChannels), FencingToken.lifetime]
    }
}

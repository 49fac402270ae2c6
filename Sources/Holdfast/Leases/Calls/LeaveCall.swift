import RedisLink

extension ScriptCall<Bool> {
    /// As a release, and takes the claim out of its name's queue, too. Whether it had the lock.
    static func leave(_ claim: LeaseClaim, wakeChannels: String) -> Self {
        Self(
            Scripts.leave, keys: claim.kind.endingKeys, claim.ending(wakeChannels),
            numbered: .releasing(claim.token))
    }
}

import RedisLink

extension ScriptCall<Bool> {
    /// Whether that token held the lock.
    static func forceRelease(lock: String, token: [UInt8], wakeChannels: String) -> Self {
        Self(
            Scripts.forceRelease, keys: [lock, KeySpace.fence(ofLock: lock), KeySpace.waiters(ofLock: lock)],
            [.bytes(token), LeaseTerm.grant.milliseconds, .string(wakeChannels), FencingToken.lifetime],
            read: \.bit)
    }
}

import RedisLink

extension ScriptCall<Void> {
    /// - Parameter token: that of the claim whose answer never came.
    static func giveBack(_ token: String, to queue: QueueKeys) -> Self {
        let check = ReplyCheck.random()
        return Self(
            Scripts.giveBack, keys: queue.forGivingBack,
            [.string(token), check.argument, .string(queue.wake)], check: check
        ) { _ in () }
    }
}

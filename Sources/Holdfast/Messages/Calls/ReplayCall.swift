import RedisLink

extension ScriptCall<[String?]> {
    /// For each letter the message's new entry; nil where there is no such letter (any more), or none with a message.
    static func replay(_ letters: some Collection<String> & Sendable, to queue: QueueKeys) -> Self {
        let check = ReplyCheck.random()
        let count = letters.count
        return Self(
            Scripts.replay, keys: queue.forReplaying,
            [.string(queue.wake), check.argument] + letters.map(RedisArgument.string), check: check
        ) { $0.values(count)?.map(\.string) }
    }
}

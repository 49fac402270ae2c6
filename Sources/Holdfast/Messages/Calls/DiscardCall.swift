import RedisLink

extension ScriptCall<[String?]> {
    /// For each letter the id of its message; nil where there is no such letter (any more).
    static func discard(
        _ letters: some Collection<String> & Sendable, remembering retention: Duration?, from queue: QueueKeys
    ) -> Self {
        let check = ReplyCheck.random()
        let count = letters.count
        return Self(
            Scripts.discard, keys: queue.forDiscarding,
            [check.argument, retention.map { .init(milliseconds: $0) } ?? ""]
                + letters.map(RedisArgument.string), check: check
        ) { $0.values(count)?.map(\.string) }
    }
}

import RedisLink

extension ScriptCall<Bool> {
    /// Whether that changed something.
    static func pause(_ queue: QueueKeys, _ paused: Bool) -> Self {
        Self(Scripts.pause, keys: [queue.paused], [.string(queue.wake), paused ? "1" : "0"], read: \.bit)
    }
}

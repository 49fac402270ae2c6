/// What a ``Session`` reports, always inside a turn of its thread.
protocol SessionDelegate: AnyObject, Sendable {
    /// Connected and authenticated: commands can be appended.
    func sessionIsReady()
    func sessionReceived(_ value: RedisValue)
    /// The attempt or the connection ended; the socket had taken `sent` bytes. The session tries again by
    /// itself.
    func sessionFailed(_ error: RedisError, sent: UInt64)
}

/// What a connection knows of itself, from the traffic it had anyway.
package struct ConnectionHealth: Sendable {
    package var isConnected: Bool
    /// When the server was last heard.
    package var lastReply: ContinuousClock.Instant?
    /// When the command was sent whose reply comes next; nil when none is owed.
    package var replyOwedSince: ContinuousClock.Instant?
    /// Why the last attempt or connection ended; nil since the connection stands.
    package var lastFailure: RedisError?
    /// How many replies came that no command asked for, or that were those to others. Above zero, something
    /// between us and the server is broken.
    package var misplacedReplies: Int
}

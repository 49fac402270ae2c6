/// What a connection knows about itself, from the traffic it had anyway.
package struct ConnectionHealth: Sendable {
    package var isConnected: Bool
    /// When something was last received from the server.
    package var lastReply: ContinuousClock.Instant?
    /// When the oldest command without a reply was sent; nil when no reply is owed.
    package var replyOwedSince: ContinuousClock.Instant?
    /// Why the last attempt or connection ended; nil while the connection is up.
    package var lastFailure: RedisError?
    /// How many replies no command asked for, or belonged to another command. Above zero, something between
    /// us and the server is broken.
    package var misplacedReplies: Int
}

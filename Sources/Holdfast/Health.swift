import RedisLink

/// Whether a client is making progress, as far as that can be known without asking Redis.
///
/// This is progress, not mere connectedness: a frozen server keeps its connections open and owes replies.
public struct Health: Sendable {
    /// Whether the connection for commands is up.
    public let isConnected: Bool
    /// When something was last received from Redis; nil before the first time.
    public let lastReply: ContinuousClock.Instant?
    /// When the oldest command without a reply was sent; nil when there is none.
    public let replyOwedSince: ContinuousClock.Instant?
    /// When a lock was last renewed; nil before the first time. While a lock is held for longer than a third
    /// of its lease, this should be more recent than that.
    public let lastRenewal: ContinuousClock.Instant?
    /// Why there is no connection: what ended the last one or the last attempt. Nil while connected.
    public let failure: HoldfastError?
    /// How many replies arrived that no command had asked for, or that belonged to other commands. Each ended
    /// the connection. Above zero, something between this client and Redis swaps or repeats replies.
    public let misplacedReplies: Int

    /// For how long Redis has owed a reply and sent nothing at all; zero when it owes none.
    public func silence(at now: ContinuousClock.Instant = .now) -> Duration {
        guard let replyOwedSince else { return .zero }
        return now - max(replyOwedSince, lastReply ?? replyOwedSince)
    }

    /// Whether the client is making progress: nothing has failed, and Redis has not been silent for longer
    /// than `limit` while it owed a reply. True for a client that has not been used yet.
    ///
    /// For a liveness or readiness probe. A client that only waits, with nothing to ask, stays healthy.
    public func isWell(silentAtMost limit: Duration = .seconds(5), at now: ContinuousClock.Instant = .now)
        -> Bool
    {
        failure == nil && silence(at: now) <= limit
    }
}

extension Holdfast {
    /// How the client is at this moment. No round trip: only the connection's own thread is asked.
    public var health: Health {
        get async {
            let connection = await core.link.health
            return Health(
                isConnected: connection.isConnected, lastReply: connection.lastReply,
                replyOwedSince: connection.replyOwedSince, lastRenewal: await core.keeper.lastRenewal,
                failure: connection.lastFailure.map { HoldfastError($0, "the connection to Redis") },
                misplacedReplies: connection.misplacedReplies)
        }
    }
}

import RedisLink

/// Whether a client gets on, as far as it can be known without asking Redis.
///
/// It tells progress, not mere connectedness: a server that is frozen keeps its connections, and owes replies.
public struct Health: Sendable {
    /// Whether the connection for commands stands.
    public let isConnected: Bool
    /// When Redis was last heard; nil before the first time.
    public let lastReply: ContinuousClock.Instant?
    /// When the oldest command was sent that is still without its reply; nil when none is.
    public let replyOwedSince: ContinuousClock.Instant?
    /// When a lock was last renewed; nil before the first time. With a lock held longer than a third of its
    /// lease it should be younger than that.
    public let lastRenewal: ContinuousClock.Instant?
    /// Why there is no connection: what ended the last one or the last attempt. Nil while one stands.
    public let failure: HoldfastError?
    /// How many replies came that no command asked for, or that were those to other commands. Each ended the
    /// connection. Above zero, something between this client and Redis swaps or repeats replies.
    public let misplacedReplies: Int

    /// For how long Redis has owed a reply and said nothing at all; zero when it owes none.
    public func silence(at now: ContinuousClock.Instant = .now) -> Duration {
        guard let replyOwedSince else { return .zero }
        return now - max(replyOwedSince, lastReply ?? replyOwedSince)
    }

    /// Whether the client gets on: nothing failed, and Redis has not been silent for longer than `limit` while
    /// it owed a reply. True of a client that was not used yet.
    ///
    /// For a liveness or readiness probe. A client that only waits, with nothing to ask, stays well.
    public func isWell(silentAtMost limit: Duration = .seconds(5), at now: ContinuousClock.Instant = .now)
        -> Bool
    {
        failure == nil && silence(at: now) <= limit
    }
}

extension Holdfast {
    /// How the client is at this moment. No round trip; it asks the connection's own thread.
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

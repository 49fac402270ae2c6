import RedisLink

/// The Redis keys of one queue. They share a hash tag, so that one script may use them all.
package struct QueueKeys: Sendable {
    package let name: String
    let namespace: String
    /// What is the same for queues whose keys one script may use.
    let family: ExactText
    /// The messages: a stream, to which any client may add with `XADD`.
    package let stream: String
    /// The messages of high and of low priority: streams, too.
    package let high, low: String
    /// When each claim expires, by the server's clock.
    let expiry: String
    /// Who owns each claim, with its attempt.
    let claims: String
    /// When each waiting message may be claimed, by the server's clock.
    package let waiting: String
    /// When each scheduled message with an ordering key gets in line, by the server's clock.
    package let scheduled: String
    /// What an earlier version had in place of ``waiting`` and ``scheduled``.
    let due: String
    /// How many attempts each waiting message has used up.
    let attempts: String
    /// Whose turn it is among the messages of one ordering key.
    let order: String
    /// The messages that wait for their turn.
    let blocked: String
    /// The last fence that was issued with a claim.
    let fence: String
    /// The ids that are in the queue, dead or done.
    let ledger: String
    /// The uniqueness keys in use.
    let unique: String
    /// The dead letters: a stream.
    package let dead: String
    /// Exists while the queue is paused.
    let paused: String
    /// The channel on which consumers hear of new messages.
    package let wake: String
    private let effects: String

    /// The consumer group that remembers how far the streams were read.
    static let group = "holdfast"

    init(_ name: String, in keys: KeySpace) throws(HoldfastError) {
        self.name = name
        namespace = keys.namespace
        family = ExactText(name.cut(at: "/")?.before ?? name)
        stream = try keys.memberKey(name, "stream")
        high = try keys.memberKey(name, "stream-high")
        low = try keys.memberKey(name, "stream-low")
        expiry = try keys.memberKey(name, "expiry")
        claims = try keys.memberKey(name, "claims")
        waiting = try keys.memberKey(name, "waiting")
        scheduled = try keys.memberKey(name, "scheduled")
        due = try keys.memberKey(name, "due")
        attempts = try keys.memberKey(name, "attempts")
        order = try keys.memberKey(name, "order")
        blocked = try keys.memberKey(name, "blocked")
        fence = try keys.memberKey(name, "queue-fence")
        ledger = try keys.memberKey(name, "ledger")
        unique = try keys.memberKey(name, "unique")
        dead = try keys.memberKey(name, "dead")
        paused = try keys.memberKey(name, "paused")
        wake = try keys.memberKey(name, "wake")
        effects = try keys.memberKey(name, "effect:")
    }

    /// The key that an effect named `name` writes to.
    package func effect(_ name: String) -> String { effects + name }

    func stream(of priority: SendOptions.Priority) -> String {
        switch priority {
        case .high: high
        case .normal: stream
        case .low: low
        }
    }

    var streams: [String] { [stream, high, low] }
    var forSettling: [String] { streams + [expiry, claims, waiting, attempts, order, blocked, ledger, dead] }
    package var forClaiming: [String] { forSettling + [fence, paused, scheduled, due] }
    var forRenewing: [String] { [expiry, claims] }
    var forGivingBack: [String] { [expiry, claims, waiting, attempts] }
    func forEnqueueing(withOptions: Bool) -> [String] {
        [stream, ledger] + (withOptions ? [high, low, unique] : [])
    }
    /// What a claim looks at, and of which type it is.
    var types: [String: String] {
        var types: [String: String] = [:]
        for key in streams + [dead] { types[key] = "stream" }
        for key in [claims, attempts, order] { types[key] = "hash" }
        for key in [expiry, waiting, scheduled, due, blocked, ledger] { types[key] = "zset" }
        for key in [fence, paused] { types[key] = "string" }
        return types
    }
    var forReplaying: [String] { streams + [dead] }
    var forDiscarding: [String] { [dead, ledger] }
    var forLooking: [String] { forSettling.dropLast() + [scheduled, due] }
    var forCounting: [String] { streams + [claims, attempts, blocked, dead, paused] }
}

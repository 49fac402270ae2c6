/// The Redis keys of one queue. They share a hash tag, so that one script may use them all.
package struct QueueKeys: Sendable {
    package let name: String
    /// The messages: a stream, to which any client may add with `XADD`.
    package let stream: String
    /// The messages of high and of low priority: streams, too.
    package let high, low: String
    /// When each claim expires, by the server's clock.
    let expiry: String
    /// Who owns each claim, with its attempt.
    let claims: String
    /// From when on each message that waits may be claimed, by the server's clock.
    let due: String
    /// How many attempts each message that waits has used up.
    let attempts: String
    /// Whose turn it is among the messages of one ordering key.
    let order: String
    /// The messages that wait for their turn.
    let blocked: String
    /// The last fence that was issued with a claim.
    let fence: String
    /// The ids that are in the queue, dead or done.
    let ledger: String
    /// The uniqueness keys that are taken.
    let unique: String
    /// The dead letters: a stream.
    package let dead: String
    /// Exists while the queue is paused.
    let paused: String
    /// The channel on which consumers hear of new messages.
    let wake: String
    private let effects: String

    /// The consumer group that remembers how far the streams were read.
    static let group = "holdfast"

    init(_ name: String, in keys: KeySpace) throws(HoldfastError) {
        self.name = name
        stream = try keys.key(name, "stream")
        high = try keys.key(name, "stream-high")
        low = try keys.key(name, "stream-low")
        expiry = try keys.key(name, "expiry")
        claims = try keys.key(name, "claims")
        due = try keys.key(name, "due")
        attempts = try keys.key(name, "attempts")
        order = try keys.key(name, "order")
        blocked = try keys.key(name, "blocked")
        fence = try keys.key(name, "queue-fence")
        ledger = try keys.key(name, "ledger")
        unique = try keys.key(name, "unique")
        dead = try keys.key(name, "dead")
        paused = try keys.key(name, "paused")
        wake = try keys.key(name, "wake")
        effects = try keys.key(name, "effect:")
    }

    /// The key that an effect named `name` writes to.
    package func effect(_ name: String) -> String { effects + name }

    var streams: [String] { [stream, high, low] }
    var forSettling: [String] { streams + [expiry, claims, due, attempts, order, blocked, ledger, dead] }
    var forClaiming: [String] { forSettling + [fence, paused] }
    var forRenewing: [String] { [expiry, claims] }
    var forEnqueueing: [String] { streams + [ledger, unique] }
    var forReplaying: [String] { streams + [dead] }
    var forLooking: [String] { forSettling.dropLast() }
    var forCounting: [String] { streams + [claims, attempts, blocked, dead, paused] }
}

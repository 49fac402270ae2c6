/// The Redis keys of one queue. They share a hash tag, so that one script may use them all.
package struct QueueKeys: Sendable {
    package let name: String
    /// The messages: a stream, to which any client may add with `XADD`.
    package let stream: String
    /// When each claim expires and each retry is due, by the server's clock.
    let due: String
    /// Who owns each claim, with its attempt.
    let claims: String
    /// The last fence that was issued with a claim.
    let fence: String
    /// The ids that are in the queue, dead or done.
    let ledger: String
    /// The dead letters: a stream.
    package let dead: String
    /// The channel on which consumers hear of new messages.
    let wake: String
    private let effects: String

    /// The consumer group that remembers how far the stream was read.
    static let group = "holdfast"

    init(_ name: String, in keys: KeySpace) throws(HoldfastError) {
        self.name = name
        stream = try keys.key(name, "stream")
        due = try keys.key(name, "due")
        claims = try keys.key(name, "claims")
        fence = try keys.key(name, "queue-fence")
        ledger = try keys.key(name, "ledger")
        dead = try keys.key(name, "dead")
        wake = try keys.key(name, "wake")
        effects = try keys.key(name, "effect:")
    }

    /// The key that an effect named `name` writes to.
    package func effect(_ name: String) -> String { effects + name }

    var forClaiming: [String] { [stream, due, claims, fence, ledger, dead] }
    var forRenewing: [String] { [due, claims] }
    var forSettling: [String] { [stream, due, claims, ledger, dead] }
}

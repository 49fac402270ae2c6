package import Holdfast

/// The state of one message in one queue. As JSON these are documented, stable field names; unknown values
/// are absent.
package struct MessageSnapshot: Encodable, Hashable, Sendable {
    package var queue: String
    package var id: String
    /// ready, blocked, waiting, claimed, dead or done.
    package var state: String
    /// The attempts used up, including the one under way.
    package var attempts: Int?
    /// Until it may be claimed, its claim ends, or its id is forgotten.
    package var forMilliseconds: Int64?
    package var reason: String?
    /// The name of the dead letter.
    package var letter: String?
    package var entry: String?
    package var type: String?
    package var body: String?
    /// The instance that has claimed it; its host and pid are known while it is registered.
    package var instance: String?
    package var host: String?
    package var pid: Int32?

    /// - Parameter instances: The registered instances, for the host and the pid of a claim.
    package init(_ message: MessageStatus, instances: [Instance] = []) {
        queue = message.queue
        id = message.id
        entry = message.entry
        type = message.type.flatMap { $0.isEmpty ? nil : $0 }
        body = message.body.map { String(decoding: $0, as: UTF8.self) }
        instance = message.instanceID
        let registered = instances.first { $0.id == message.instanceID }
        host = registered?.host
        pid = registered?.pid
        switch message.state {
        case .ready: state = "ready"
        case .blocked: state = "blocked"
        case .waiting(let time, let attempts):
            state = "waiting"
            forMilliseconds = time.inMilliseconds
            self.attempts = attempts
        case .claimed(let attempt, let remaining):
            state = "claimed"
            forMilliseconds = remaining.inMilliseconds
            attempts = attempt
        case .dead(let letter):
            state = "dead"
            attempts = letter.attempts
            reason = letter.reason
            self.letter = letter.entry
        case .done(let remembered):
            state = "done"
            forMilliseconds = remembered.inMilliseconds
        }
    }
}

import Holdfast
import Logging

/// What the queue carries.
struct Note: Codable, Sendable {
    var number: Int
    /// When it was due to be sent, on the clock that all processes share; only in the sampled ones.
    var sent: Int64?
}

/// A process that handles the queue's messages.
enum MessageConsumer {
    enum Kind: String {
        /// Only commits; the sampled messages leave their time in a list, as their effect.
        case handling
        /// Like `handling`, with as few at a time and as short a lease as ``sticking``.
        case heir
        /// Reports each message and never ends.
        case sticking
    }

    static let queue = "notes"
    /// The list of the effects.
    static let seen = "seen"
    /// The lease of the consumers that are killed, and of their heirs.
    static let lease = Duration.milliseconds(500)
    /// Two claims of a hundred each, under way or being handled.
    private static let concurrency = 200

    static func run(_ url: String, _ kind: Kind) async throws {
        let parent = ParentProcess()
        let holdfast = try await Holdfast.benchmarked(url)
        var options = ConsumerOptions()
        options.concurrency = concurrency
        if kind != .handling { options.lease = lease }
        holdfast.handle(holdfast.queue(queue, of: Note.self), options: options) { note, _ in
            if kind == .sticking {
                parent.say("has \(note.number)")
                try await Task.sleep(for: .seconds(3600))
            }
            guard let sent = note.sent else { return .commit }
            return .commit { $0.append("\(sent)", toList: seen) }
        }
        parent.say("ready")
        try await holdfast.run()
    }
}

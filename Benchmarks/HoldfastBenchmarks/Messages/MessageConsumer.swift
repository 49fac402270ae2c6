import Holdfast
import Logging

/// What the queue carries.
struct Note: Codable, Sendable {
    var number: Int
    /// When it was due to be sent, on the clock of all processes; only in those whose end is looked for.
    var sent: Int64?
}

/// A process that handles the queue's messages.
enum MessageConsumer {
    enum Kind: String {
        /// Does nothing but commit; those whose end is looked for leave their time in a list, as their effect.
        case handling
        /// As `handling`, as few at a time and with as short a lease as ``sticking``.
        case heir
        /// Tells of each message and never ends.
        case sticking
    }

    static let queue = "notes"
    /// The list of the effects.
    static let seen = "seen"
    /// Of those that are killed, and of their heirs.
    static let lease = Duration.milliseconds(500)
    /// Two claims of a hundred under way or at work.
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

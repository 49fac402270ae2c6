internal import ArgumentParser
internal import Holdfast
internal import RedisLink

struct MessagesCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "messages", abstract: "Show single messages.", subcommands: [Show.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show the message with an id: what it is, and what it waits for.",
            discussion: """
                Looks into every queue, or into the one that is named. What is not settled is found by walking over \
                the queue's messages, a thousand at a time. The status is 1 if no queue knows the id.
                """
        )

        @Argument(help: "The id of the message.")
        var id: String

        @Option(help: "The name of its queue.")
        var queue: String?

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                var messages: [MessageReport] = []
                var isComplete = true
                var place = ""
                try await connection.withHoldfast(.reading) { holdfast in
                    place = connection.placeText(of: holdfast)
                    var names = QueueNames()
                    if let queue { names.usable = [queue] } else { names = try await holdfast.queueNames() }
                    for name in names.unusable {
                        let name = TerminalText.escaped(String(decoding: name, as: UTF8.self))
                        Console.say("'\(name)' is listed among the queues, and cannot be the name of one")
                    }
                    let (id, isOne) = (id, queue != nil)
                    let found = try await holdfast.core.each(names.usable) {
                        (name: String) async throws -> Finding in
                        do {
                            return .looked(try await holdfast.store(ofQueue: name).message(id))
                        } catch let error as HoldfastError where !isOne && error.isOfWrongType {
                            return .failed("the queue \(name) could not be looked at: \(error.message)")
                        }
                    }
                    let isClaimed = found.contains { $0.message?.instanceID != nil }
                    let instances = try await isClaimed ? holdfast.instances() : []
                    for finding in found {
                        switch finding {
                        case .looked(let message):
                            if let message { messages.append(MessageReport(message, instances: instances)) }
                        case .failed(let text):
                            isComplete = false
                            Console.say(TerminalText.escaped(text))
                        }
                    }
                    if let queue, messages.isEmpty {
                        try await connection.sayIfUnknown(queue: queue, on: holdfast)
                    }
                }
                if output.json {
                    try Console.write(json: ["messages": messages])
                } else {
                    try Console.write(messages.map(\.text).joined(separator: "\n"))
                }
                if messages.isEmpty {
                    let queues =
                        queue.map { "the queue \(TerminalText.escaped($0)) does not know" }
                        ?? (isComplete ? "no queue knows" : "no other queue knows")
                    Console.say("\(queues) the message \(TerminalText.escaped(id)) in the namespace \(place)")
                    throw ExitCode(ExitStatus.failed)
                }
            }
        }

        /// What came of looking into one queue.
        private enum Finding: Sendable {
            case looked(MessageStatus?)
            case failed(String)

            var message: MessageStatus? {
                if case .looked(let message) = self { message } else { nil }
            }
        }
    }
}

/// What the tool tells of one message. As JSON these are documented, stable field names.
struct MessageReport: Encodable, Hashable {
    var queue: String
    var id: String
    /// ready, blocked, waiting, claimed, dead or done.
    var state: String
    /// Used up, with the one that is claimed.
    var attempts: Int?
    /// Until it may be claimed, its claim ends, or its id is forgotten.
    var forMilliseconds: Int64?
    var reason: String?
    /// What the dead letter is called.
    var letter: String?
    var entry: String?
    var type: String?
    var body: String?
    /// Who has claimed it; the host and the pid are known while the instance is registered.
    var instance: String?
    var host: String?
    var pid: Int32?

    init(_ message: MessageStatus, instances: [Instance] = []) {
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

    private var stateText: String {
        let time = forMilliseconds.map { DurationText.short(.milliseconds($0)) } ?? ""
        switch state {
        case "ready": return "waits for its first attempt"
        case "blocked": return "waits for those before it with the same key"
        case "waiting" where attempts == 0: return "waits for its time, in \(time)"
        case "waiting": return "waits for another attempt, in \(time)"
        case "claimed":
            return
                "being handled\(handlerText), attempt \(attempts ?? 0); the claim ends in \(time), unless it is renewed"
        case "dead": return "given up after \((attempts ?? 0).counted("attempt"))"
        default: return "done; its id is remembered for \(time)"
        }
    }

    private var handlerText: String {
        if let host, let pid { return " by \(host), pid \(pid)" }
        return instance.map { " by the instance \($0), which is not registered" } ?? ""
    }

    var text: String {
        var lines = [("queue", queue), ("id", id), ("state", stateText)]
        for (name, value) in [
            ("reason", reason), ("letter", letter), ("entry", entry), ("type", type), ("body", body),
        ] {
            if let value { lines.append((name, value)) }
        }
        return lines.map { name, value in
            "\(name)\(String(repeating: " ", count: 8 - name.count))\(TerminalText.escaped(value))\n"
        }.joined()
    }
}

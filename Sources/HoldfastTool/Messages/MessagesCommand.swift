internal import ArgumentParser
internal import Holdfast
internal import HoldfastInspection
internal import RedisLink

struct MessagesCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "messages", abstract: "Show individual messages.", subcommands: [Show.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show the message with an id: what it is, and what it waits for.",
            discussion: """
                Looks in every queue, or in the named one. A message that is not settled is found by walking \
                over the queue's messages, a thousand at a time. The status is 1 if no queue knows the id.
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
                var messages: [MessageSnapshot] = []
                var isComplete = true
                var place = ""
                try await connection.withHoldfast(.reading) { holdfast in
                    place = connection.placeText(of: holdfast)
                    var names = QueueNames()
                    if let queue { names.usable = [queue] } else { names = try await holdfast.queueNames() }
                    for name in names.unusable {
                        let name = TerminalText.escaped(String(decoding: name, as: UTF8.self))
                        Console.say("'\(name)' is listed among the queues, but cannot be the name of one")
                    }
                    let (id, isOne) = (id, queue != nil)
                    let found = try await holdfast.core.each(names.usable) {
                        (name: String) async throws -> Finding in
                        do {
                            return .looked(try await holdfast.store(ofQueue: name).message(id))
                        } catch let error as HoldfastError where !isOne && error.isOfWrongType {
                            return .failed("the queue \(name) could not be read: \(error.message)")
                        }
                    }
                    let isClaimed = found.contains { $0.message?.instanceID != nil }
                    let instances = try await isClaimed ? holdfast.instances() : []
                    for finding in found {
                        switch finding {
                        case .looked(let message):
                            if let message { messages.append(MessageSnapshot(message, instances: instances)) }
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

        /// The result of looking in one queue.
        private enum Finding: Sendable {
            case looked(MessageStatus?)
            case failed(String)

            var message: MessageStatus? {
                if case .looked(let message) = self { message } else { nil }
            }
        }
    }
}

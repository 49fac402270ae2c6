internal import ArgumentParser
internal import Holdfast
internal import HoldfastInspection
internal import Logging
internal import RedisLink

struct QueuesCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "queues",
        abstract:
            "Show what the queues hold, pause and resume them, and replay or remove their dead letters.",
        subcommands: [List.self, Show.self, Pause.self, Resume.self, QueuesDeadCommand.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the queues and what they hold.",
            discussion: "A queue is known once something was sent to it or an instance has handled it."
        )

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                // A queue whose keys are something else is left out, and reported on standard error.
                try await connection.withHoldfast(.reading, logLevel: .error) { holdfast in
                    var list = ListWriter<QueueSnapshot>("queues", asJSON: output.json)
                    try list.write(try await holdfast.queues().map(QueueSnapshot.init))
                    try list.end()
                    if list.isEmpty { connection.sayNothingFound(on: holdfast) }
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show what one queue holds.",
            discussion: "A queue that nobody has used is empty.")

        @Argument(help: "The name of the queue.")
        var name: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                let queue = try await connection.withHoldfast(.reading) { holdfast in
                    let stats = try await holdfast.store(ofQueue: name).status()
                    try await connection.sayIfUnknown(queue: name, on: holdfast)
                    return QueueSnapshot(stats)
                }
                if output.json {
                    try Console.write(json: queue)
                } else {
                    try Console.write(QueueSnapshot.table([queue]))
                }
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause", abstract: "Keep all instances from beginning a message of a queue.",
            discussion: """
                Messages can be sent meanwhile, and handlers under way continue. The status is 1 if nobody \
                has used a queue of that name.
                """)

        @Argument(help: "The name of the queue.")
        var name: String

        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            try await reportingErrors {
                try await connection.withHoldfast { holdfast in
                    try await connection.requireKnown(queue: name, on: holdfast)
                    let changed = try await holdfast.store(ofQueue: name).setPaused(true)
                    Console.say(
                        "\(TerminalText.escaped(name)) \(changed ? "is paused" : "was paused already")")
                }
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "End the pause of a queue.")

        @Argument(help: "The name of the queue.")
        var name: String

        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            try await reportingErrors {
                try await connection.withHoldfast { holdfast in
                    try await connection.requireKnown(queue: name, on: holdfast)
                    let changed = try await holdfast.store(ofQueue: name).setPaused(false)
                    Console.say("\(TerminalText.escaped(name)) \(changed ? "is resumed" : "was not paused")")
                }
            }
        }
    }
}

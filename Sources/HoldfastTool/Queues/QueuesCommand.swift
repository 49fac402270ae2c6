internal import ArgumentParser
internal import Holdfast
internal import HoldfastSimulation
internal import Logging

struct QueuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queues",
        abstract: "Show what the queues hold, pause and resume them, replay their dead letters.",
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
                // A queue whose keys are something else is left out, and told on standard error.
                let queues = try await connection.withHoldfast(logLevel: .error) { try await $0.queues() }
                    .map(QueueDescription.init)
                if output.json {
                    try Console.write(json: ["queues": queues])
                } else {
                    try Console.write(QueueDescription.table(queues))
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
                let queue = try await connection.withHoldfast { holdfast in
                    let stats = try await holdfast.store(ofQueue: name).stats()
                    try await holdfast.sayIfUnknown(queue: name, stats)
                    return QueueDescription(stats)
                }
                if output.json {
                    try Console.write(json: queue)
                } else {
                    try Console.write(QueueDescription.table([queue]))
                }
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause", abstract: "Let no instance begin a message of a queue.",
            discussion: "Messages can be sent meanwhile, and handlers under way go on.")

        @Argument(help: "The name of the queue.")
        var name: String

        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            try await reportingErrors {
                try await connection.withHoldfast { holdfast in
                    let changed = try await holdfast.store(ofQueue: name).setPaused(true)
                    Console.say(
                        "\(TerminalText.escaped(name)) \(changed ? "is paused" : "was paused already")")
                    try await holdfast.sayIfUnknown(queue: name)
                }
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Let a paused queue go on.")

        @Argument(help: "The name of the queue.")
        var name: String

        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            try await reportingErrors {
                let changed = try await connection.withHoldfast {
                    try await $0.store(ofQueue: name).setPaused(false)
                }
                Console.say("\(TerminalText.escaped(name)) \(changed ? "goes on" : "was not paused")")
            }
        }
    }
}

extension Holdfast {
    /// Tells of a name that is perhaps mistyped: nobody has registered it, and there is nothing in it.
    func sayIfUnknown(queue name: String, _ stats: QueueStats? = nil) async throws {
        guard try await !queueNames().usable.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
            return
        }
        let stats = if let stats { stats } else { try await store(ofQueue: name).stats() }
        guard stats.ready + stats.inFlight + stats.retrying + stats.dead == 0 else { return }
        Console.say("nobody has used a queue of that name yet")
    }
}

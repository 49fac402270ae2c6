internal import ArgumentParser
internal import Holdfast

struct QueuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queues",
        abstract: "Show what the queues hold.",
        subcommands: [List.self]
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
                let queues = try await connection.withHoldfast { try await $0.queues() }.map(
                    QueueDescription.init)
                if output.json {
                    try Console.write(json: ["queues": queues])
                } else {
                    try Console.write(QueueDescription.table(queues))
                }
            }
        }
    }
}

/// What the tool tells of one queue. As JSON these are documented, stable field names.
struct QueueDescription: Encodable, Hashable {
    var name: String
    var ready: Int
    var inFlight: Int
    var retrying: Int
    var dead: Int
    /// Absent when nothing is in the queue.
    var oldestMilliseconds: Int64?

    init(_ stats: QueueStats) {
        name = stats.name
        ready = stats.ready
        inFlight = stats.inFlight
        retrying = stats.retrying
        dead = stats.dead
        oldestMilliseconds = stats.oldestAge.map(\.inMilliseconds)
    }

    static func table(_ queues: [QueueDescription]) -> String {
        var table = Table([
            ("NAME", .left), ("READY", .right), ("IN FLIGHT", .right), ("RETRYING", .right), ("DEAD", .right),
            ("OLDEST", .right),
        ])
        for queue in queues {
            table.add([
                queue.name, String(queue.ready), String(queue.inFlight), String(queue.retrying),
                String(queue.dead),
                queue.oldestMilliseconds.map { DurationText.short(.milliseconds($0)) },
            ])
        }
        return table.text
    }
}

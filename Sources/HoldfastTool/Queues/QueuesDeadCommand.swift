internal import ArgumentParser
internal import Holdfast
internal import HoldfastInspection

struct QueuesDeadCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "dead",
        abstract: "Show, replay and remove the dead letters of a queue.",
        subcommands: [List.self, Show.self, Replay.self, Remove.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List the dead letters, oldest first.")

        @Argument(help: "The name of the queue.")
        var queue: String

        @Option(help: "How many at most.")
        var limit = 100

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        }

        func run() async throws {
            try await reportingErrors {
                try await connection.withHoldfast(.reading) { holdfast in
                    var list = ListWriter<DeadLetterSnapshot>("deadLetters", asJSON: output.json)
                    let store = try holdfast.store(ofQueue: queue)
                    try await store.forEachPage(atMost: limit) { letters in
                        try list.write(letters.map(DeadLetterSnapshot.init))
                    }
                    try list.end()
                    if list.isEmpty { try await connection.sayIfUnknown(queue: queue, on: holdfast) }
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show dead letters, with their bodies.",
            discussion: "The status is 1 if one of them is not there."
        )

        @Argument(help: "The name of the queue.")
        var queue: String

        @OptionGroup var chosen: ChosenLetters
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws { try chosen.check() }

        func run() async throws {
            try await reportingErrors {
                let (letters, missing) = try await connection.withHoldfast(.reading) { holdfast in
                    let store = try holdfast.store(ofQueue: queue)
                    let (names, missing) = try await chosen.names(in: store)
                    var letters: [DeadLetterSnapshot] = []
                    var gone = missing
                    for name in names {
                        if let letter = try await store.deadLetter(name) {
                            letters.append(DeadLetterSnapshot(letter))
                        } else {
                            gone.append(name)
                        }
                    }
                    if letters.isEmpty { try await connection.sayIfUnknown(queue: queue, on: holdfast) }
                    return (letters, gone)
                }
                try output.json
                    ? Console.write(json: ["deadLetters": letters])
                    : Console.write(letters.map(\.text).joined(separator: "\n"))
                try ChosenLetters.tell(missing)
            }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Put dead letters back into their queue.",
            discussion: """
                Each is put back once, however often and by however many it is replayed; its attempts start \
                over. Letters that are no longer there, or have no message, are not an error; an --id that \
                has no letter is.
                """
        )

        @Argument(help: "The name of the queue.")
        var queue: String

        @OptionGroup var chosen: ChosenLetters

        @Flag(help: "All that are there when the command begins.")
        var all = false

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws { try chosen.check(orAll: all) }

        func run() async throws {
            try await reportingErrors {
                var report = ReplayReport(queue: queue)
                var missing: [String] = []
                try await connection.withHoldfast { holdfast in
                    try await connection.requireKnown(queue: queue, on: holdfast)
                    let store = try holdfast.store(ofQueue: queue)
                    missing = try await chosen.each(in: store, all: all) {
                        report.count(try await store.replay($0))
                    }
                }
                try output.json ? Console.write(json: report) : Console.write(report.text)
                try ChosenLetters.tell(missing)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Remove dead letters for good; their messages are never handled.",
            discussion: """
                Their ids stay known for seven days, like those of messages that are done: until then \
                sending one again adds nothing. With --forget they can be sent again at once; a uniqueness \
                key stays taken for its time.
                """
        )

        @Argument(help: "The name of the queue.")
        var queue: String

        @OptionGroup var chosen: ChosenLetters

        @Flag(help: "All that are there when the command begins.")
        var all = false

        @Flag(help: "Forget the ids of their messages, so that they can be sent again.")
        var forget = false

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws { try chosen.check(orAll: all) }

        func run() async throws {
            try await reportingErrors {
                var report = RemovalReport(queue: queue, forgotten: forget)
                var missing: [String] = []
                try await connection.withHoldfast { holdfast in
                    try await connection.requireKnown(queue: queue, on: holdfast)
                    let store = try holdfast.store(ofQueue: queue)
                    missing = try await chosen.each(in: store, all: all) {
                        report.count(
                            try await store.discard($0, remembering: forget ? nil : .seconds(7 * 86_400)))
                    }
                }
                try output.json ? Console.write(json: report) : Console.write(report.text)
                try ChosenLetters.tell(missing)
            }
        }
    }
}

internal import ArgumentParser
internal import Holdfast
internal import HoldfastSimulation

struct QueuesDeadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead",
        abstract: "Show and replay the messages of a queue that were given up.",
        subcommands: [List.self, Replay.self]
    )

    /// How many letters are asked for at once.
    private static let page = 500

    /// The letters of a queue, the oldest first, as they are read page by page.
    private static func letters(
        of store: QueueStore, limit: Int = .max, _ take: ([DeadLetter]) async throws -> Void
    ) async throws {
        var last: String?
        var left = limit
        while left > 0 {
            let letters = try await store.deadLetters(after: last, limit: min(page, left))
            guard !letters.isEmpty else { return }
            try await take(letters)
            left -= letters.count
            last = letters.last?.letter
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List the messages that were given up, the oldest first.")

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
                var letters: [DeadLetterDescription] = []
                try await connection.withHoldfast { holdfast in
                    try await QueuesDeadCommand.letters(of: holdfast.store(ofQueue: queue), limit: limit) {
                        letters += $0.map(DeadLetterDescription.init)
                    }
                    if letters.isEmpty { try await holdfast.sayIfUnknown(queue: queue) }
                }
                if output.json {
                    try Console.write(json: ["deadLetters": letters])
                } else {
                    try Console.write(DeadLetterDescription.table(letters))
                }
            }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Put dead letters back into their queue.",
            discussion: """
                Each is put back once, however often and by however many it is replayed; its attempts begin anew. \
                Letters that are not there any more are no error.
                """
        )

        @Argument(help: "The name of the queue.")
        var queue: String

        @Argument(help: "The letters, as 'queues dead ls' names them.")
        var letters: [String] = []

        @Flag(help: "All that are there when the command begins.")
        var all = false

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if all != letters.isEmpty {
                throw ValidationError("Name the letters or give --all, one of both.")
            }
        }

        func run() async throws {
            try await reportingErrors {
                var report = ReplayReport(queue: queue)
                try await connection.withHoldfast { holdfast in
                    let store = try holdfast.store(ofQueue: queue)
                    guard all else { return report.count(try await store.replay(letters)) }
                    // One that dies again comes behind these, and is not replayed a second time.
                    let stats = try await store.stats()
                    let count = stats.dead
                    if count == 0 { try await holdfast.sayIfUnknown(queue: queue, stats) }
                    try await QueuesDeadCommand.letters(of: store, limit: count) {
                        report.count(try await store.replay($0.map(\.letter)))
                    }
                }
                try output.json ? Console.write(json: report) : Console.write(report.text)
            }
        }
    }
}

/// What was put back. As JSON these are documented, stable field names.
struct ReplayReport: Encodable, Hashable {
    var queue: String
    var replayed = 0
    /// Letters that were not there (any more).
    var missing = 0

    init(queue: String) {
        self.queue = queue
    }

    mutating func count(_ entries: [String?]) {
        replayed += entries.count { $0 != nil }
        missing += entries.count { $0 == nil }
    }

    var text: String {
        let rest = missing == 0 ? "" : ", \(missing) not there any more"
        return
            "\(SummaryText.counted(replayed, "message")) put back into \(TerminalText.escaped(queue))\(rest)\n"
    }
}

/// What the tool tells of one dead letter. As JSON these are documented, stable field names.
struct DeadLetterDescription: Encodable, Hashable {
    var letter: String
    var id: String
    var type: String
    var attempts: Int
    var reason: String
    var deadForMilliseconds: Int64
    var body: String
    var bodyBytes: Int

    init(_ letter: DeadLetter) {
        self.letter = letter.letter
        id = letter.id
        type = letter.type
        attempts = letter.attempts
        reason = letter.reason
        deadForMilliseconds = letter.age.inMilliseconds
        body = String(decoding: letter.body, as: UTF8.self)
        bodyBytes = letter.bodyBytes
    }

    static func table(_ letters: [DeadLetterDescription]) -> String {
        var table = Table([
            ("LETTER", .left), ("ID", .left), ("TYPE", .left), ("ATTEMPTS", .right), ("DEAD FOR", .right),
            ("REASON", .left),
        ])
        for letter in letters {
            table.add([
                letter.letter, letter.id, letter.type.isEmpty ? nil : letter.type, String(letter.attempts),
                DurationText.short(.milliseconds(letter.deadForMilliseconds)), letter.reason,
            ])
        }
        return table.text
    }
}

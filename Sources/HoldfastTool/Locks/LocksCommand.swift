internal import ArgumentParser
internal import Holdfast
internal import HoldfastInspection
internal import Logging

struct LocksCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "locks",
        abstract:
            "Show who holds which lock and who waits for it, wait for a lock, or take one from its holder.",
        subcommands: [List.self, Show.self, Wait.self, Release.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List the locks that are held.",
            discussion: """
                The first locks are shown while it is still looking for the others; they are sorted in \
                batches of a few hundred.
                """
        )

        @Argument(
            help: """
                A pattern of their names, in quotes: * is any text, ? one byte, [a-c] or [^a] one of \
                several, a backslash before a character the character itself. Without it, all locks.
                """)
        var pattern: String?

        @Option(help: "How many at most. Without it, all.")
        var limit: Int?

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        }

        func run() async throws {
            try await reportingErrors {
                var list = ListWriter<LockSnapshot>("locks", asJSON: output.json)
                try await connection.withHoldfast(.reading, logLevel: .error) { holdfast in
                    var left = limit ?? .max
                    for try await locks in holdfast.heldLocks(matching: pattern) {
                        try list.write(locks.prefix(left).map(LockSnapshot.init))
                        left -= locks.count
                        if left <= 0 { break }
                    }
                    try list.end()
                    if list.isEmpty { connection.sayNothingFound(on: holdfast) }
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract:
                "Show one lock: who holds it, since when, the time left, its fence, and who waits.",
            discussion: "A lock that nobody holds is not an error."
        )

        @Argument(help: "The name of the lock.")
        var name: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                let (held, queue) = try await connection.withHoldfast(.reading) {
                    (try await $0.lockStatus(name), try await $0.waiters(of: name))
                }
                var lock = held.map(LockSnapshot.init) ?? LockSnapshot(free: name)
                lock.waiting = queue.count
                lock.waiters = queue.first.map(WaiterSnapshot.init)
                if output.json {
                    try Console.write(json: lock)
                } else {
                    try Console.write(lock.text)
                }
            }
        }
    }
}

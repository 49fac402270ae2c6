internal import ArgumentParser
internal import Holdfast
internal import HoldfastSimulation

struct LocksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "locks",
        abstract:
            "Show who holds which lock and who waits for it, wait for a lock, take one from its holder.",
        subcommands: [List.self, Show.self, Wait.self, Release.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List the locks that are held.")

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                let locks = try await connection.withHoldfast { try await $0.locks() }.map(
                    LockDescription.init)
                if output.json {
                    try Console.write(json: ["locks": locks])
                } else {
                    try Console.write(LockDescription.table(locks))
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract:
                "Show one lock: who holds it, since when, for how long still, its fence, and who waits.",
            discussion: "A lock that nobody holds is no error."
        )

        @Argument(help: "The name of the lock.")
        var name: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                let (held, queue) = try await connection.withHoldfast {
                    (try await $0.lock(name), try await $0.waiters(of: name))
                }
                var lock = held.map(LockDescription.init) ?? LockDescription(free: name)
                lock.waiting = queue.count
                lock.waiters = queue.first.map(WaiterDescription.init)
                if output.json {
                    try Console.write(json: lock)
                } else {
                    try Console.write(lock.text)
                }
            }
        }
    }
}

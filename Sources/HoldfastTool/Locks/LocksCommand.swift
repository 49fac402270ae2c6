internal import ArgumentParser
internal import Holdfast
internal import HoldfastSimulation

struct LocksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "locks",
        abstract: "Show who holds which lock.",
        subcommands: [List.self, Show.self]
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
            abstract: "Show one lock: who holds it, since when, for how long still, and its fence.",
            discussion: "A lock that nobody holds is no error."
        )

        @Argument(help: "The name of the lock.")
        var name: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                let held = try await connection.withHoldfast { try await $0.lock(name) }
                let lock = held.map(LockDescription.init) ?? LockDescription(free: name)
                if output.json {
                    try Console.write(json: lock)
                } else {
                    try Console.write(lock.text)
                }
            }
        }
    }
}

internal import ArgumentParser
internal import Holdfast
internal import HoldfastInspection

struct InstancesCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "instances", abstract: "Show the running instances.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the running instances, oldest first.",
            discussion: """
                An instance is listed from its first lock, run or message on, as long as it has given a sign \
                of life within the last minute.
                """
        )

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                try await connection.withHoldfast(.reading) { holdfast in
                    var list = ListWriter<InstanceSnapshot>("instances", asJSON: output.json)
                    try list.write(try await holdfast.instances().map(InstanceSnapshot.init))
                    try list.end()
                    if list.isEmpty { connection.sayNothingFound(on: holdfast) }
                }
            }
        }
    }
}

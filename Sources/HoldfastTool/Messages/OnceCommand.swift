internal import ArgumentParser
internal import Holdfast
internal import HoldfastInspection
internal import RedisLink

struct OnceCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "once", abstract: "Show what was done once, by its id.", subcommands: [Show.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show whether an id is done, with its result, or who is doing it.",
            discussion: "An id that nobody has done is not an error."
        )

        @Argument(help: "The scope in which the id is unique.")
        var scope: String

        @Argument(help: "The id.")
        var id: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                let once = try await connection.withHoldfast(.reading) { holdfast in
                    OnceSnapshot(
                        scope: scope, id: id, try await holdfast.onceStatus(id, in: scope),
                        instances: try await holdfast.instances())
                }
                try output.json ? Console.write(json: once) : Console.write(once.text)
            }
        }
    }
}

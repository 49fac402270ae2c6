internal import ArgumentParser
internal import Foundation
internal import Holdfast

struct InstancesCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "instances", abstract: "Show the instances that are running.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the instances that are running, the oldest first.",
            discussion: """
                An instance is listed from its first lock, run or message on, as long as it gave a sign of life within \
                the last minute.
                """
        )

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                try await connection.withHoldfast(.reading) { holdfast in
                    var list = ListWriter<InstanceDescription>("instances", asJSON: output.json)
                    try list.write(try await holdfast.instances().map(InstanceDescription.init))
                    try list.end()
                    if list.isEmpty { connection.sayNothingFound(on: holdfast) }
                }
            }
        }
    }
}

/// What the tool tells of one instance. As JSON these are documented, stable field names.
struct InstanceDescription: ListRow, Hashable {
    var instance: String
    var host: String
    var pid: Int32
    var service: String
    /// Absent where the service does not tell one.
    var version: String?
    var started: Date

    init(_ instance: Instance) {
        self.instance = instance.id
        host = instance.host
        pid = instance.pid
        service = instance.service
        version = instance.version
        started = instance.started
    }

    static let columns: [(String, Table.Alignment)] = [
        ("INSTANCE", .left), ("HOST", .left), ("PID", .right), ("SERVICE", .left), ("VERSION", .left),
        ("STARTED", .left),
    ]

    var cells: [String?] { [instance, host, String(pid), service, version, started.formatted(.iso8601)] }
}

internal import ArgumentParser
internal import Holdfast
internal import RedisLink

struct OnceCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "once", abstract: "Show what was done once, by its id.", subcommands: [Show.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show whether an id is done, with its result, or who is doing it.",
            discussion: "An id that nobody has done is no error."
        )

        @Argument(help: "What the id is unique in.")
        var scope: String

        @Argument(help: "The id.")
        var id: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                let report = try await connection.withHoldfast(.reading) { holdfast in
                    OnceReport(
                        scope: scope, id: id, try await holdfast.onceStatus(id, in: scope),
                        instances: try await holdfast.instances())
                }
                try output.json ? Console.write(json: report) : Console.write(report.text)
            }
        }
    }
}

/// What the tool tells of one id. As JSON these are documented, stable field names.
struct OnceReport: Encodable, Hashable {
    var scope: String
    var id: String
    /// free, inProgress or done.
    var state: String
    /// JSON, as the work returned it; left out where that could not be recorded.
    var result: String?
    /// Until the result is forgotten, or the claim ends.
    var forMilliseconds: Int64?
    var fence: Int64?
    var instance: String?
    var host: String?
    var pid: Int32?

    init(scope: String, id: String, _ state: OnceStatus, instances: [Instance]) {
        self.scope = scope
        self.id = id
        switch state {
        case .free: self.state = "free"
        case .done(let result, let remembered):
            self.state = "done"
            self.result = result.isEmpty ? nil : result
            forMilliseconds = remembered?.inMilliseconds
        case .inProgress(let holder):
            self.state = "inProgress"
            forMilliseconds = holder.remaining?.inMilliseconds
            fence = holder.fencingToken?.rawValue
            instance = holder.instanceID
            let registered = instances.first { $0.id == holder.instanceID }
            host = registered?.host
            pid = registered?.pid
        }
    }

    var text: String {
        let name = TerminalText.escaped("\(scope)/\(id)")
        let time = forMilliseconds.map { DurationText.short(.milliseconds($0)) }
        switch state {
        case "free": return "\(name) was not done, or is forgotten\n"
        case "done":
            let memory = time.map { "remembered for \($0)" } ?? "remembered without end"
            let told =
                result.map { "result  \(TerminalText.escaped($0))" } ?? "its result could not be recorded"
            return "\(name) is done, \(memory)\n\(told)\n"
        default:
            let place =
                host.map { TerminalText.escaped("\($0), pid \(pid ?? 0)") } ?? instance
                ?? "a client of another kind"
            let end =
                time.map { "the claim ends in \($0), unless it is renewed" }
                ?? "the claim does not end by itself"
            return "\(name) is being done by \(place); \(end)\n"
        }
    }
}

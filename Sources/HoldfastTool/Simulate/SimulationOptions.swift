internal import ArgumentParser
internal import Foundation
internal import HoldfastSimulation
internal import JSONLines
internal import RedisLink

extension Sabotage: ExpressibleByArgument {}

/// The options of `simulate`, and the request they make.
struct SimulationOptions: ParsableArguments {
    @Option(help: "The messages: a file with one JSON value a line.", completion: .file())
    var messages: String

    @Option(help: "How many instances.")
    var instances = 4

    @Option(help: "How many instances are killed (SIGKILL) and replaced.")
    var kill = 0

    @Option(help: "How many instances are paused for longer than their lease (SIGSTOP, then SIGCONT).")
    var pause = 0

    @Option(help: "How often redis-server is killed and started again on its append-only file.")
    var restartRedis = 0

    @Option(help: "Decides the fault plan: the same seed gives the same plan. Without it, random.")
    var seed: UInt64?

    @Option(help: "The lease of claims and ticks, \(DurationText.examples).")
    var lease = DurationArgument(.milliseconds(1500))

    @Option(help: "About how long the work takes, apart from what the faults add, \(DurationText.examples).")
    var span = DurationArgument(.seconds(12))

    @Option(help: "When to give up and report what is missing, \(DurationText.examples).")
    var deadline = DurationArgument(.seconds(300))

    @Option(
        help:
            "The field of a message that names its group, for totals. Ids are those in the field \"id\", if all differ."
    )
    var totalsBy: String?

    @Option(
        help: "The field of a message to add up, a whole number. Without it, messages are counted.")
    var totalsOf: String?

    @Option(
        help: "Write the totals of the effects to this file: group, tab, total.", completion: .file())
    var totalsTo: String?

    @Option(
        help: "Keep the effect ledger, the histories and the logs in this directory.", completion: .directory)
    var artifacts: String?

    @Option(
        help:
            "Use this server instead of a private one, in a namespace of its own that is removed at the end.")
    var redis: String?

    @Flag(help: "Use the server of HOLDFAST_REDIS_URL, which may hold a password.")
    var redisFromEnvironment = false

    @Option(help: ArgumentHelp("Do this wrong on purpose, to see it caught.", visibility: .hidden))
    var sabotage: Sabotage?

    func validate() throws {
        guard (1...64).contains(instances) else { throw ValidationError("--instances must be from 1 to 64.") }
        for (name, count) in [("--kill", kill), ("--pause", pause), ("--restart-redis", restartRedis)] {
            guard (0...100).contains(count) else { throw ValidationError("\(name) must be from 0 to 100.") }
        }
        guard (.milliseconds(500)...Duration.seconds(60)).contains(lease.duration) else {
            throw ValidationError("--lease must be from 500ms to 1m.")
        }
    }

    /// Reads the messages, so that whatever is wrong with them is reported before anything starts.
    func request() throws -> SimulationRequest {
        let totals = TotalsRule(by: totalsBy, of: totalsOf)
        let file = try readMessages(totals)
        if case .lineNumber(let reason) = file.idSource {
            Console.say("the messages' ids are their line numbers, because \(reason)")
        }
        let plan = FaultPlan(
            seed: seed ?? UInt64.random(in: 1...999_999), instances: instances, kills: kill, pauses: pause,
            redisRestarts: restartRedis)
        var request = try SimulationRequest(
            messages: file, totals: totals, instances: instances, plan: plan, redisURL: try serverURL(),
            lease: lease.duration, span: span.duration, deadline: deadline.duration,
            executable: Self.ownExecutable, instanceArguments: [SimulateInstanceCommand.name],
            artifacts: artifacts)
        request.sabotage = sabotage
        return request
    }

    private func readMessages(_ totals: TotalsRule) throws -> MessageFile {
        let contents: Data
        do {
            contents = try Data(contentsOf: URL(filePath: messages))
        } catch {
            throw InputError(unreadable: messages, error)
        }
        do {
            return try MessageFile(contents: contents, totals: totals)
        } catch {
            throw InputError(line: nil, reason: "\(TerminalText.escaped(messages)): \(error)")
        }
    }

    private func serverURL() throws -> String? {
        warnOfPassword(in: redis, instead: "HOLDFAST_REDIS_URL and --redis-from-environment")
        guard redisFromEnvironment else { return redis }
        guard let url = ProcessInfo.processInfo.environment["HOLDFAST_REDIS_URL"], !url.isEmpty else {
            throw SimulationError(.invalidRequest, "HOLDFAST_REDIS_URL is not set")
        }
        return url
    }

    /// This program's own file, for the instances. The link in /proc finds it even after it was replaced.
    private static var ownExecutable: String {
        let link = "/proc/self/exe"
        guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: link) else {
            return CommandLine.arguments[0]
        }
        return FileManager.default.isExecutableFile(atPath: path) ? path : link
    }
}

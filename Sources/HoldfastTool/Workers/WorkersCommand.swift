internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import HoldfastInspection
internal import Logging
internal import RedisLink

struct WorkersCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract:
            "Show the periodic workers and their runs; trigger, pause, resume, reschedule and rewind them.",
        subcommands: [
            List.self, History.self, Trigger.self, Pause.self, Resume.self, Reschedule.self, Rewind.self,
        ]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the workers, when they run, and what runs now.",
            discussion: "A worker is known once an instance has run it."
        )

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reportingErrors {
                let workers = try await connection.withHoldfast(.reading, logLevel: .error) { holdfast in
                    let workers = try await holdfast.workers()
                    if workers.isEmpty { connection.sayNothingFound(on: holdfast) }
                    return workers
                }
                .map(WorkerSnapshot.init)
                if output.json {
                    try Console.write(json: ["workers": workers])
                } else {
                    try Console.write(WorkerSnapshot.table(workers))
                }
                for advice in workers.compactMap(\.advice) { Console.say(advice) }
            }
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "history",
            abstract: "Show the runs of a worker that ended, newest first.")

        @Argument(help: "The name of the worker.")
        var name: String

        @Option(help: "How many at most.")
        var limit = 20

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        }

        func run() async throws {
            try await reportingErrors {
                let runs = try await connection.withHoldfast(.reading) { holdfast in
                    guard try await holdfast.worker(name).status() != nil else {
                        throw Self.unknown(name, connection.placeText(of: holdfast))
                    }
                    return try await holdfast.worker(name).runs(limit: limit)
                }.map(RunSnapshot.init)
                if output.json {
                    try Console.write(json: ["runs": runs])
                } else {
                    try Console.write(RunSnapshot.table(runs))
                }
            }
        }
    }

    struct Trigger: WorkerVerb {
        static let configuration = CommandConfiguration(
            commandName: "trigger",
            abstract: "Ask for one run now, on any instance, even if the worker is paused.")

        @Argument(help: "The name of the worker.")
        var name: String
        @OptionGroup var connection: ConnectionOptions

        func steer(_ holdfast: Holdfast) async throws -> Steered {
            try await holdfast.worker(name).steer(.trigger)
        }
        func told(_ changed: Bool) -> String {
            changed
                ? "runs once, as soon as one of its instances may begin"
                : "was already asked to run, and will"
        }
    }

    struct Pause: WorkerVerb {
        static let configuration = CommandConfiguration(
            commandName: "pause",
            abstract: "Let no tick begin on any instance until `resume`. Runs under way are not ended.")

        @Argument(help: "The name of the worker.")
        var name: String
        @OptionGroup var connection: ConnectionOptions

        func steer(_ holdfast: Holdfast) async throws -> Steered {
            try await holdfast.worker(name).steer(.pause)
        }
        func told(_ changed: Bool) -> String { changed ? "is paused" : "was paused already" }
    }

    struct Resume: WorkerVerb {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "End a pause.")

        @Argument(help: "The name of the worker.")
        var name: String
        @OptionGroup var connection: ConnectionOptions

        func steer(_ holdfast: Holdfast) async throws -> Steered {
            try await holdfast.worker(name).steer(.resume)
        }
        func told(_ changed: Bool) -> String { changed ? "is resumed" : "was not paused" }
    }

    struct Reschedule: WorkerVerb {
        static let configuration = CommandConfiguration(
            commandName: "reschedule",
            abstract: "Put another schedule in force on all instances, or that of the code again.",
            discussion: """
                A schedule is 'every 10m', 'every 1h phase 5m spread jitter 30s', 'after 60s', or 'cron 30 2 \
                * * mon-fri in Europe/Berlin', where the word cron may be left out. It holds until an \
                instance of a higher version starts.
                """)

        @Argument(help: "The name of the worker.")
        var name: String
        @Argument(help: "The schedule. Without it, that of the code.")
        var schedule: String?
        @OptionGroup var connection: ConnectionOptions

        func steer(_ holdfast: Holdfast) async throws -> Steered {
            guard let schedule else { return try await holdfast.worker(name).steer(.restore) }
            return try await holdfast.worker(name).steer(.reschedule, .parse(schedule))
        }
        func told(_ changed: Bool) -> String {
            let schedule = schedule.map { (try? Schedule.parse($0))?.description ?? $0 }
            let what = schedule.map { "\"\($0)\"" } ?? "the schedule of its code"
            return "\(changed ? "follows" : "already follows") \(what)\(changed ? " from now on" : "")"
        }
    }

    struct Rewind: WorkerVerb {
        static let configuration = CommandConfiguration(
            commandName: "rewind",
            abstract: "Let a worker continue after the clock of the Redis server was ahead and was set back.",
            discussion: """
                Its newest tick is then ahead of the clock, and no other one begins until the clock has \
                passed it. This does not run any tick twice: an instant that comes again is a tick with \
                another id.
                """)

        @Argument(help: "The name of the worker.")
        var name: String
        @OptionGroup var connection: ConnectionOptions

        func steer(_ holdfast: Holdfast) async throws -> Steered {
            try await holdfast.worker(name).steer(.rewind)
        }
        func told(_ changed: Bool) -> String {
            changed ? "continues by the server's clock" : "has no tick ahead of the server's clock"
        }
    }
}

/// A command that changes something about one worker, and says whether it did.
protocol WorkerVerb: AsyncParsableCommand {
    var name: String { get }
    var connection: ConnectionOptions { get }
    func steer(_ holdfast: Holdfast) async throws -> Steered
    /// What is said about the worker: that this changed, or that it was so already.
    func told(_ changed: Bool) -> String
}

extension WorkerVerb {
    func run() async throws {
        try await reportingErrors {
            let steered = try await connection.withHoldfast { holdfast in
                let steered = try await steer(holdfast)
                guard steered != .unknown else {
                    throw Self.unknown(name, connection.placeText(of: holdfast))
                }
                return steered
            }
            Console.say(TerminalText.escaped("\(name) \(told(steered == .changed))"))
        }
    }
}

extension AsyncParsableCommand {
    fileprivate static func unknown(_ worker: String, _ place: String) -> ExitCode {
        Console.say(
            "no instance has ever run a worker \(TerminalText.escaped(worker)) in the namespace \(place)")
        return ExitCode(ExitStatus.failed)
    }
}

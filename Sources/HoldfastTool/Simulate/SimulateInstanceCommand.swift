internal import ArgumentParser
internal import HoldfastSimulation
internal import Logging

/// One instance of a simulation. Started by `simulate`, not by people.
struct SimulateInstanceCommand: AsyncParsableCommand {
    static let name = "simulate-instance"

    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Run as an instance of a simulation.",
        shouldDisplay: false
    )

    @Argument(help: "The path of the instance's configuration.")
    var configuration: String

    @Argument(help: "The slot of the instance.")
    var slot: Int

    func run() async throws {
        try await reportingErrors {
            var logger = Logger(label: "instance \(slot)") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = .notice
            try await SimulatedInstance.run(.read(path: configuration), slot: slot, logger: logger)
        }
    }
}

import Logging
import RedisLink

/// Runs the periodic workers of one client.
package final class WorkerHost: Sendable {
    private let link: RedisLink
    private let keys: KeySpace
    private let keeper: LeaseKeeper
    private let instance: Instance
    private let configuration: Configuration
    private let logger: Logger
    private let host = ComponentHost()

    init(
        link: RedisLink, keys: KeySpace, keeper: LeaseKeeper, instance: Instance,
        configuration: Configuration,
        logger: Logger
    ) {
        self.link = link
        self.keys = keys
        self.keeper = keeper
        self.instance = instance
        self.configuration = configuration
        self.logger = logger
    }

    func add(_ worker: some PeriodicWorker) {
        host.add(
            WorkerLoop(
                worker, link: link, keys: keys, keeper: keeper, instance: instance,
                grace: configuration.stopDeadline, logger: logger))
    }

    /// Runs the workers until a graceful shutdown, after which runs under way may go on for
    /// ``Configuration/stopDeadline``, or until the task is cancelled.
    package func run() async throws {
        try await host.run()
    }
}

/// Runs the periodic workers of one client.
package final class WorkerHost: Sendable {
    private let core: Core
    private let host = ComponentHost()

    init(_ core: Core) {
        self.core = core
    }

    func add(_ worker: some PeriodicWorker) {
        host.add(WorkerLoop(worker, core))
    }

    /// Runs the workers until a graceful shutdown, after which runs under way may go on for
    /// ``Configuration/stopDeadline``, or until the task is cancelled.
    package func run() async throws {
        try await host.run()
    }

    /// Asks ``run()`` to end, as a graceful shutdown does.
    func stop() { host.stop() }
}

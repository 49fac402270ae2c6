/// Runs the queue handlers of one client.
package final class ConsumerHost: Sendable {
    let registry: QueueRegistry
    private let core: Core
    private let host = ComponentHost()

    init(_ core: Core) {
        self.core = core
        registry = QueueRegistry(link: core.link, keys: core.keys, logger: core.logger)
    }

    func add(
        _ queue: Result<QueueStore, HoldfastError>, _ options: ConsumerOptions, _ routes: MessageRoutes
    ) {
        do throws(HoldfastError) {
            let lease = options.lease ?? core.configuration.lease
            try options.validate(lease: lease, routes)
            host.add(
                Consumer(
                    queue: try queue.get().keys, options: options, lease: lease,
                    grace: core.configuration.stopDeadline, link: core.link, registry: registry,
                    clock: core.clock, logger: core.logger, routes: routes))
        } catch {
            host.add(Unusable(error: error))
        }
    }

    /// Runs the handlers until a graceful shutdown, after which those under way may go on for
    /// ``Configuration/stopDeadline``, or until the task is cancelled. What is claimed and not handled by
    /// then is given back.
    package func run() async throws {
        try await host.run()
    }

    /// Asks ``run()`` to end, as a graceful shutdown does.
    func stop() { host.stop() }

    /// Tells at the start of the run that a handler was added with something that cannot be used.
    private struct Unusable: HostedComponent {
        let error: HoldfastError

        func run() async throws { throw error }
        func stop() {}
    }
}

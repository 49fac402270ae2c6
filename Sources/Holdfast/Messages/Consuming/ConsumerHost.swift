import RedisLink
import Synchronization

/// Runs the queue handlers of one client.
package final class ConsumerHost: Sendable {
    let registry: QueueRegistry
    private let core: Core
    private let host = ComponentHost()
    private let state = Mutex(State())

    private struct State: Sendable {
        var isRunning = false
        /// The error of the first unusable handler among those added before the run.
        var problem: HoldfastError?
        /// The queues that have a handler, in the order in which they were added.
        var queues: [ExactText] = []
    }

    init(_ core: Core) {
        self.core = core
        registry = QueueRegistry(link: core.link, keys: core.keys, observers: core.observers)
    }

    func add(
        _ queue: Result<QueueStore, HoldfastError>, _ options: ConsumerOptions, _ routes: MessageRoutes
    ) {
        var name: String?
        do throws(HoldfastError) {
            let lease = options.lease ?? core.configuration.lease
            let keys = try queue.get().keys
            name = keys.name
            let options = try options.validated(lease: lease, routes.validatedPolicies())
            try note(keys.name, isShared: options.sharesQueue)
            host.add(
                Consumer(
                    queue: keys, options: options, lease: lease,
                    grace: core.configuration.stopDeadline, link: core.link, registry: registry,
                    instance: core.instance.id, clock: core.clock, logger: core.logger,
                    observers: core.observers,
                    routes: routes))
        } catch {
            var error = error
            if let name { error.message = "the handler of the queue \(name): \(error.message)" }
            let isRunning = state.withLock { state in
                if !state.isRunning { state.problem = state.problem ?? error }
                return state.isRunning
            }
            if isRunning { core.observers.tell(HandlerIsLeftOut(problem: error)) }
        }
    }

    /// To be called before ``run()``. From then on a handler that cannot be used is logged and left out: it does not
    /// end what runs.
    ///
    /// - Throws: where one that was added before has a queue or options that cannot be used.
    func begin() throws(HoldfastError) {
        let problem = state.withLock { state in
            state.isRunning = true
            return state.problem
        }
        if let problem { throw problem }
    }

    /// Nobody could tell which of two handlers of a queue would get a message.
    private func note(_ name: String, isShared: Bool) throws(HoldfastError) {
        let isFirst = state.withLock { state in
            guard !state.queues.contains(ExactText(name)) else { return false }
            state.queues.append(ExactText(name))
            return true
        }
        guard isFirst || isShared else {
            throw HoldfastError(
                .invalidArgument,
                """
                the queue \(name.printable()) has a handler already, and a second one would take some of its \
                messages: give the types of one queue to one handle(_:options:coders:by:), or set \
                ConsumerOptions.sharesQueue
                """)
        }
    }

    /// The names of the queues that have a handler, in the order in which they were added.
    var queues: [String] { state.withLock { $0.queues.map(\.text) } }

    /// Runs the handlers until a graceful shutdown, after which those under way may go on for
    /// ``Holdfast/Configuration/stopDeadline``, or until the task is cancelled. What is claimed and not handled by
    /// then is given back.
    package func run() async throws {
        try await host.run()
    }

    /// Asks ``run()`` to end, as a graceful shutdown does.
    func stop() { host.stop() }

    /// Ends at once, with what is under way.
    func giveUp() { host.giveUp() }
}

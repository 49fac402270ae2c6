import ServiceLifecycle
import Synchronization

/// Something that runs until it is stopped: a periodic worker's loop, a queue's consumer.
protocol HostedComponent: Sendable {
    /// Runs until ``stop()``, or until the task is cancelled. Leaves nothing behind when it returns.
    ///
    /// - Throws: only if it cannot run at all, because of an invalid name for example.
    func run() async throws
    /// Asks it to begin nothing new and to end. May be called before ``run()`` and more than once.
    func stop()
    /// Like ``stop()``, and cancels what is under way.
    func giveUp()
}

/// Runs components side by side. They can be added before the run and during it.
final class ComponentHost: Sendable {
    private struct State: Sendable {
        var components: [any HostedComponent] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    private let additions: AsyncStream<any HostedComponent>
    private let announce: AsyncStream<any HostedComponent>.Continuation

    init() {
        (additions, announce) = AsyncStream.makeStream()
    }

    /// Runs `component` from now on, or from the start of ``run()`` on. Ignored once the host is stopping.
    func add(_ component: some HostedComponent) {
        let isStopping = state.withLock { state in
            if !state.isStopping { state.components.append(component) }
            return state.isStopping
        }
        if !isStopping { announce.yield(component) }
    }

    /// Runs the components until a graceful shutdown or cancellation, and returns when all have ended. If one
    /// throws, the others are cancelled.
    func run() async throws {
        try await withGracefulShutdownHandler {
            try await withThrowingDiscardingTaskGroup { group in
                // Ends when the host is stopped, and when the task is cancelled.
                for await component in additions {
                    group.addTask {
                        do {
                            try await component.run()
                        } catch {
                            // Cancels the other components, but not the loop over the additions.
                            self.stop()
                            throw error
                        }
                    }
                }
            }
        } onGracefulShutdown: {
            self.stop()
        }
    }

    /// Stops the components and accepts no more. They end in their own time; see ``run()``.
    func stop() { for component in close() { component.stop() } }

    func giveUp() { for component in close() { component.giveUp() } }

    private func close() -> [any HostedComponent] {
        let components = state.withLock { state in
            state.isStopping = true
            return state.components
        }
        announce.finish()
        return components
    }
}

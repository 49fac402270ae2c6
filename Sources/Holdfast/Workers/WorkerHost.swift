import RedisLink
import ServiceLifecycle
import Synchronization

/// Runs the periodic workers of one client, each by itself: none waits for another, and none ends another. They
/// can be added, replaced and removed before and while it runs.
package final class WorkerHost: Sendable {
    private struct State: Sendable {
        /// By the bytes of their names.
        var loops: [ExactText: WorkerLoop] = [:]
        var isRunning = false
        /// Until it hears of what is asked for.
        var subscribing: ManualTime.Activity?
        var isStopping = false
    }

    private let core: Core
    private let state = Mutex(State())
    private let additions: AsyncStream<WorkerLoop>
    private let announce: AsyncStream<WorkerLoop>.Continuation

    init(_ core: Core) {
        self.core = core
        (additions, announce) = AsyncStream.makeStream()
    }

    /// Runs `worker` from now on, or from the start of ``run()`` on. One of the same name is stopped first; the new
    /// one begins when it has ended. Ignored once the host is stopping.
    func add(_ worker: some PeriodicWorker) {
        let (loop, predecessor) = state.withLock { state -> (WorkerLoop?, WorkerLoop?) in
            guard !state.isStopping else { return (nil, nil) }
            let key = ExactText(worker.name)
            let predecessor = state.loops[key]
            let loop = WorkerLoop(worker, core, after: predecessor)
            state.loops[key] = loop
            return (loop, predecessor)
        }
        predecessor?.stop()
        if let loop { announce.yield(loop) }
    }

    /// Stops a worker and waits for its end. False where there is none of that name.
    func remove(_ name: String) async -> Bool {
        let (loop, isRunning) = state.withLock { state in
            (state.loops.removeValue(forKey: ExactText(name)), state.isRunning)
        }
        guard let loop else { return false }
        loop.stop()
        if isRunning { await loop.untilEnded() }
        return true
    }

    /// In order.
    var names: [String] { state.withLock { $0.loops.values.map(\.name) }.sorted() }

    func contains(_ name: String) -> Bool {
        state.withLock { $0.loops[ExactText(name)] != nil }
    }

    /// To be called before ``run()``. From then on a worker that cannot be used is logged and left out: it does not
    /// end what runs.
    ///
    /// - Throws: where one that was added before has a name or settings that cannot be used.
    func begin() throws(HoldfastError) {
        let loops = state.withLock { state in
            state.isRunning = true
            return Array(state.loops.values)
        }
        for loop in loops {
            guard var problem = loop.problem else { continue }
            problem.message = "the worker \(loop.name): \(problem.message)"
            throw problem
        }
    }

    /// Runs the workers until a graceful shutdown, after which runs under way may go on for
    /// ``Holdfast/Configuration/stopDeadline``, or until the task is cancelled.
    package func run() async {
        let subscription = Mutex<RedisSubscription?>(nil)
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                // Ends when the host is stopped, and when the task is cancelled.
                for await loop in additions {
                    if let problem = loop.problem {
                        core.observers.tell(WorkerEvent(worker: loop.name, kind: .isLeftOut(problem)))
                    }
                    subscription.withLock { $0 = $0 ?? listen() }
                    group.addTask { await loop.run() }
                }
            }
        } onGracefulShutdown: {
            self.stop()
        }
        subscription.withLock { $0 }?.cancel()
        hasSubscribed()
        state.withLock { $0.isRunning = false }
    }

    /// Asks ``run()`` to end, as a graceful shutdown does.
    func stop() {
        let loops = state.withLock { state in
            state.isStopping = true
            return state.loops.values
        }
        announce.finish()
        for loop in loops { loop.stop() }
    }

    /// Hears of what somebody asked for. Without that the workers find out when they look next, within a minute.
    private func listen() -> RedisSubscription? {
        state.withLock { $0.subscribing = core.clock.begin() }
        do throws(RedisError) {
            return try core.link.subscribe(core.keys.workerChannel) { [weak self] message in
                self?.heard(String(decoding: message, as: UTF8.self))
            }
        } catch {
            hasSubscribed()
            core.observers.tell(WorkersAreDeaf(reason: error))
            return nil
        }
    }

    private func hasSubscribed() { state.withLock { $0.subscribing.take()?.end() } }

    /// Empty when messages may have been lost.
    private func heard(_ name: String) {
        let loops = state.withLock { state in
            name.isEmpty
                ? Array(state.loops.values) : [state.loops[ExactText(name)]].compactMap(\.self)
        }
        for loop in loops { loop.wake() }
        hasSubscribed()
    }
}

import Synchronization

/// Tells a component to begin nothing new and, some time later, to give up what is under way.
final class StopSignal: Sendable {
    private struct State: Sendable {
        /// When the first stop came; nil before.
        var stopped: ContinuousClock.Instant?
        /// Whoever waits has a stream of its own that the stop ends: a stream ends for all who wait for it
        /// when one of them is cancelled.
        var waiters: [UInt64: AsyncStream<Never>.Continuation] = [:]
        var nextWaiter: UInt64 = 0
    }

    /// How long work under way may continue after the stop.
    let grace: Duration
    private let state = Mutex(State())

    init(grace: Duration) {
        self.grace = grace
    }

    var isStopping: Bool { state.withLock { $0.stopped != nil } }

    func stop() {
        let waiters = state.withLock { state in
            state.stopped = state.stopped ?? .now
            return state.waiters.values
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Sleeps until `instant`, the stop, or the cancellation of the task.
    func sleep(until instant: ContinuousClock.Instant) async {
        await withTaskGroup { group in
            group.addTask { try? await Task.sleep(until: instant, tolerance: .zero, clock: .continuous) }
            group.addTask { await self.untilStopped() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Returns when the grace after the stop is over, or when the task is cancelled.
    func untilGraceEnds() async {
        await untilStopped()
        guard let stopped = state.withLock({ $0.stopped }) else { return }
        // A cancelled task does not sleep.
        try? await Task.sleep(until: stopped + grace, clock: .continuous)
    }

    /// Returns at the stop, or when the task is cancelled.
    func untilStopped() async {
        let (stream, waiter) = AsyncStream<Never>.makeStream()
        let id = state.withLock { state in
            state.nextWaiter += 1
            if state.stopped != nil { waiter.finish() } else { state.waiters[state.nextWaiter] = waiter }
            return state.nextWaiter
        }
        for await _ in stream {}
        state.withLock { _ = $0.waiters.removeValue(forKey: id) }
    }
}

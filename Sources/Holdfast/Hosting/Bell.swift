import Synchronization

/// Wakes one task that waits: when it is rung, at an instant, or when that task is cancelled. A ring that nobody
/// waits for is kept for the next wait.
final class Bell: Sendable {
    private struct State: Sendable {
        var isRung = false
        /// The wait is over for another reason, which may come before the waiter has entered.
        var isOver = false
        var waiter: UnsafeContinuation<Void, Never>?
        /// What whoever waits does until it waits again.
        var activity: ManualTime.ActivityID?
    }

    private let clock: LocalClock
    private let state: Mutex<State>

    /// Whoever made it is at work until it waits for the first time.
    init(by clock: LocalClock = .continuous) {
        self.clock = clock
        state = Mutex(State(activity: clock.begin()))
    }

    func ring() {
        let waiter = state.withLock { state in
            state.isRung = true
            let waiter = state.waiter.take()
            if waiter != nil { state.activity = clock.begin() }
            return waiter
        }
        waiter?.resume()
    }

    /// Nobody waits any more.
    func fallSilent() { state.withLock { clock.end($0.activity.take()) } }

    /// For one task at a time. Without an instant it waits for the bell alone.
    func wait(until instant: ContinuousClock.Instant?) async {
        state.withLock { $0.isOver = false }
        if let manual = clock.manual {
            let timer = instant.map { manual.schedule(at: $0) { [weak self] in self?.ring() } }
            await untilRung()
            if let timer { manual.cancel(timer) }
            return state.withLock { $0.isRung = false }
        }
        await withTaskGroup { group in
            if let instant {
                group.addTask { try? await Task.sleep(until: instant, tolerance: .zero, clock: .continuous) }
            }
            group.addTask { await self.untilRung() }
            await group.next()
            group.cancelAll()
        }
        state.withLock { $0.isRung = false }
    }

    private func untilRung() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isRung || state.isOver { return true }
                    state.waiter = continuation
                    clock.end(state.activity.take())
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.isOver = true
                return state.waiter.take()
            }
            waiter?.resume()
        }
    }
}

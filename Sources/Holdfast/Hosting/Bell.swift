import Synchronization

/// Wakes one waiting task: when it is rung, at an instant, or when that task is cancelled. A ring that nobody
/// waits for is kept for the next wait.
final class Bell: Sendable {
    private struct State: Sendable {
        var isRung = false
        /// The wait is over for another reason, which may come before the waiter has entered.
        var isOver = false
        var waiter: UnsafeContinuation<Void, Never>?
        /// What whoever waits does until it waits again.
        var activity: ManualTime.Activity?
    }

    private let clock: LocalClock
    private let state: Mutex<State>

    /// Whoever made it is at work until it waits for the first time, if it ever comes to that.
    init(by clock: LocalClock = .continuous) {
        self.clock = clock
        state = Mutex(State(activity: clock.begin(.brief)))
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

    /// Nobody is waiting any longer.
    func fallSilent() { state.withLock { $0.activity.take()?.end() } }

    /// Runs other people's code, or waits for it, on behalf of the task that otherwise waits here.
    func whileForeign<R: Sendable>(_ body: () async -> R) async -> R {
        state.withLock { $0.activity?.become(.foreign) }
        let result = await body()
        state.withLock { $0.activity?.become(.own) }
        return result
    }

    /// For one task at a time. Without an instant it waits for the bell alone.
    ///
    /// - Parameter look: when to look at what others may have changed, and ``LocalClock/changes`` before the last look.
    func wait(
        until instant: ContinuousClock.Instant?, orLook look: (at: ContinuousClock.Instant, after: Int)? = nil
    ) async {
        state.withLock { $0.isOver = false }
        if let manual = clock.manual {
            let timers = [
                instant.map { manual.schedule(at: $0) { [weak self] in self?.ring() } },
                look.map {
                    manual.schedule(at: $0.at, lookingAfter: $0.after) { [weak self] in self?.ring() }
                },
            ]
            await untilRung()
            for timer in timers.compactMap(\.self) { manual.cancel(timer) }
            return state.withLock { $0.isRung = false }
        }
        let end = [instant, look?.at].compactMap(\.self).min()
        await withTaskGroup { group in
            if let end {
                group.addTask { try? await Task.sleep(until: end, tolerance: .zero, clock: .continuous) }
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
                    state.activity.take()?.end()
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

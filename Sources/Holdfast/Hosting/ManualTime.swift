import Synchronization

/// A clock that stands still but where a test sets it on, and what goes on by it.
package final class ManualTime: Sendable {
    package struct TimerID: Hashable, Sendable { fileprivate let number: UInt64 }
    package struct ActivityID: Hashable, Sendable { fileprivate let number: UInt64 }

    private struct Timer: Sendable {
        let instant: ContinuousClock.Instant
        let fire: @Sendable () -> Void
    }

    private struct Activity: Sendable {
        /// In real time.
        let began: ContinuousClock.Instant
        let isForeign: Bool
    }

    private struct State: Sendable {
        var now: ContinuousClock.Instant
        var next: UInt64 = 0
        var timers: [TimerID: Timer] = [:]
        var activities: [ActivityID: Activity] = [:]
        /// Sleepers that were cancelled before they slept.
        var cancelled: Set<TimerID> = []
        var sleepers: [TimerID: UnsafeContinuation<Bool, Never>] = [:]
        var barriers: [UInt64: Barrier] = [:]
        var events = 0

        mutating func number() -> UInt64 {
            next += 1
            return next
        }
    }

    /// Returns when what was under way when it was asked is through: true while there is somebody to ask.
    package typealias Barrier = @Sendable () async -> Bool

    private let origin: ContinuousClock.Instant
    private let state: Mutex<State>

    package init() {
        origin = .now
        state = Mutex(State(now: origin))
    }

    package var now: ContinuousClock.Instant { state.withLock { $0.now } }
    /// For how long it was set on in all.
    package var elapsed: Duration { now - origin }

    // MARK: Timers

    /// Calls `fire` when the clock has come to `instant`, at once if it has.
    package func schedule(
        at instant: ContinuousClock.Instant, _ fire: @escaping @Sendable () -> Void
    ) -> TimerID {
        let (id, isDue) = state.withLock { state in
            let id = TimerID(number: state.number())
            if instant > state.now { state.timers[id] = Timer(instant: instant, fire: fire) }
            return (id, instant <= state.now)
        }
        if isDue { fire() }
        return id
    }

    package func cancel(_ id: TimerID) { state.withLock { _ = $0.timers.removeValue(forKey: id) } }

    /// The next instant at which something happens.
    package var nextInstant: ContinuousClock.Instant? {
        state.withLock { $0.timers.values.lazy.map(\.instant).min() }
    }

    /// Sets the clock on, and fires what is due then, in order.
    package func move(to instant: ContinuousClock.Instant) {
        let due = state.withLock { state in
            state.now = max(state.now, instant)
            let due = state.timers.filter { $0.value.instant <= state.now }
                .sorted { ($0.value.instant, $0.key.number) < ($1.value.instant, $1.key.number) }
            for (id, _) in due { state.timers[id] = nil }
            state.events += due.count
            return due.map(\.value)
        }
        for timer in due { timer.fire() }
    }

    /// Returns when the clock has come to `instant`.
    package func sleep(until instant: ContinuousClock.Instant) async throws(CancellationError) {
        let id = state.withLock { TimerID(number: $0.number()) }
        let isOver = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let result: Bool? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return false }
                    guard instant > state.now else { return true }
                    state.sleepers[id] = continuation
                    state.timers[id] = Timer(instant: instant) { [weak self] in self?.wake(id, true) }
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            wake(id, false)
        }
        state.withLock { _ = $0.cancelled.remove(id) }
        if !isOver { throw CancellationError() }
    }

    private func wake(_ id: TimerID, _ isOver: Bool) {
        let sleeper = state.withLock { state in
            state.timers[id] = nil
            let sleeper = state.sleepers.removeValue(forKey: id)
            if sleeper == nil, !isOver { state.cancelled.insert(id) }
            return sleeper
        }
        sleeper?.resume(returning: isOver)
    }

    // MARK: What goes on

    /// How much has happened so far: whoever sees the same number twice has seen that nothing did.
    package var events: Int { state.withLock { $0.events } }
    package func note() { state.withLock { $0.events += 1 } }

    /// Something goes on that has to be waited for before the clock is set on.
    ///
    /// - Parameter isForeign: whether it is the code of others, which may itself wait for the test.
    package func begin(isForeign: Bool) -> ActivityID {
        state.withLock { state in
            let id = ActivityID(number: state.number())
            state.activities[id] = Activity(began: .now, isForeign: isForeign)
            state.events += 1
            return id
        }
    }

    package func end(_ id: ActivityID) { state.withLock { _ = $0.activities.removeValue(forKey: id) } }

    /// Whether anything goes on but code of others that began longer ago than `limit` in real time, and what is never
    /// begun although it was added.
    package func isBusy(forgetting limit: Duration) -> Bool {
        let now = ContinuousClock.now
        return state.withLock { state in
            state.activities.values.contains { activity in
                now - activity.began < (activity.isForeign ? limit : max(limit, .seconds(2)))
            }
        }
    }

    /// Adds somebody who is asked whether things are through, as long as it says that it is there.
    package func add(_ barrier: @escaping Barrier) { state.withLock { $0.barriers[$0.number()] = barrier } }

    package func passBarriers() async {
        for (number, barrier) in state.withLock({ $0.barriers }) where await !barrier() {
            state.withLock { _ = $0.barriers.removeValue(forKey: number) }
        }
    }
}

import Synchronization

/// A clock that stands still unless a test advances it, and everything that goes by it.
package final class ManualTime: Sendable {
    package struct TimerID: Hashable, Sendable { fileprivate let number: UInt64 }

    private struct Timer: Sendable {
        let instant: ContinuousClock.Instant
        var look: Look?
        let fire: @Sendable () -> Void
    }

    /// Of a timer whose owner only looks whether something has changed.
    private struct Look: Sendable {
        /// ``changes`` before its last look.
        let seen: Int
        let interval: Duration
    }

    /// Something that is going on and has to be waited for before the clock is advanced.
    package struct Activity: Sendable {
        package enum Kind: Sendable {
            /// Our own code, which ends by itself.
            case own
            /// Something that ends soon if it ends at all: work added to a client that may never be run, and
            /// other people's code that was cancelled.
            case brief
            /// Other people's code, which may wait for the test itself.
            case foreign
        }

        fileprivate let number: UInt64
        private let time: ManualTime

        fileprivate init(number: UInt64, _ time: ManualTime) {
            self.number = number
            self.time = time
        }

        package func end() { time.state.withLock { _ = $0.activities.removeValue(forKey: number) } }

        /// It is of this kind from now on, and waited for anew, unless it has ended.
        package func become(_ kind: Kind) {
            time.state.withLock { state in
                guard state.activities[number] != nil else { return }
                state.activities[number] = Entry(kind)
            }
        }
    }

    private struct Entry: Sendable {
        let kind: Activity.Kind
        /// In real time.
        let began = ContinuousClock.now

        init(_ kind: Activity.Kind) { self.kind = kind }

        func isForgotten(at now: ContinuousClock.Instant, after patience: Duration) -> Bool {
            switch kind {
            case .own: false
            case .brief: now - began >= max(patience, .seconds(5))
            case .foreign: now - began >= patience
            }
        }
    }

    private struct State: Sendable {
        var now: ContinuousClock.Instant
        var next: UInt64 = 0
        var timers: [TimerID: Timer] = [:]
        var activities: [UInt64: Entry] = [:]
        /// Sleepers that were cancelled before they slept.
        var cancelled: Set<TimerID> = []
        var sleepers: [TimerID: UnsafeContinuation<Bool, Never>] = [:]
        var barriers: [UInt64: Barrier] = [:]
        var events = 0
        var changes = 0

        mutating func number() -> UInt64 {
            next += 1
            return next
        }
    }

    /// Returns when what was under way when it was asked is through: true while there is somebody to ask.
    package typealias Barrier = @Sendable () async -> Bool

    /// The run or the messages that a task works for, and with it all tasks that it makes.
    @TaskLocal package static var activities: [Activity] = []

    private let origin: ContinuousClock.Instant
    private let state: Mutex<State>

    package init() {
        origin = .now
        state = Mutex(State(now: origin))
    }

    package var now: ContinuousClock.Instant { state.withLock { $0.now } }
    /// How far it has been advanced in all.
    package var elapsed: Duration { now - origin }

    // MARK: Timers

    /// Calls `fire` when the clock has reached `instant`, or at once if it has already.
    ///
    /// - Parameter seen: for a look at what others may have changed, ``changes`` before the last one. While nothing
    ///   has changed since, such looks are passed over, but for the last one before something else happens.
    package func schedule(
        at instant: ContinuousClock.Instant, lookingAfter seen: Int? = nil,
        _ fire: @escaping @Sendable () -> Void
    ) -> TimerID {
        let (id, isDue) = state.withLock { state in
            let id = TimerID(number: state.number())
            guard instant > state.now else { return (id, true) }
            let look = seen.map { Look(seen: $0, interval: instant - state.now) }
            state.timers[id] = Timer(instant: instant, look: look, fire: fire)
            return (id, false)
        }
        if isDue { fire() }
        return id
    }

    package func cancel(_ id: TimerID) { state.withLock { _ = $0.timers.removeValue(forKey: id) } }

    /// The next instant at which something happens, up to `target`; nil for none.
    package func nextInstant(upTo target: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        state.withLock { state in
            var next: ContinuousClock.Instant?
            var idle: [(first: ContinuousClock.Instant, interval: Duration)] = []
            for timer in state.timers.values {
                if let look = timer.look, look.seen == state.changes {
                    idle.append((timer.instant, look.interval))
                } else if timer.instant <= target {
                    next = min(next ?? target, timer.instant)
                }
            }
            // All that look in vain do so together, at the last of their instants before something else happens.
            let last = idle.compactMap { first, interval -> ContinuousClock.Instant? in
                let most = ((next ?? target) - first) / interval
                let count = next == nil ? most.rounded(.down) : most.rounded(.up) - 1
                return count < 0 ? nil : first + interval * Int(count)
            }.max()
            return last ?? next
        }
    }

    /// Advances the clock, and fires what is due then, in order.
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

    /// Returns when the clock has reached `instant`. What the task works for is then waited for anew.
    ///
    /// - Parameter kind: of what it works for, from then on: brief, if the end of the sleep cancels it.
    package func sleep(
        until instant: ContinuousClock.Instant, thenIs kind: Activity.Kind = .foreign
    ) async throws(CancellationError) {
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
        // Not where the instant had come already: who asks again and again is not waited for again and again.
        if state.withLock({ $0.activities[id.number] != nil }) { Self.activities.become(kind) }
        state.withLock { state in
            state.cancelled.remove(id)
            state.activities[id.number] = nil
        }
        if !isOver { throw CancellationError() }
    }

    private func wake(_ id: TimerID, _ isOver: Bool) {
        let sleeper = state.withLock { state in
            state.timers[id] = nil
            let sleeper = state.sleepers.removeValue(forKey: id)
            if sleeper == nil, !isOver { state.cancelled.insert(id) }
            // Until its task goes on.
            if sleeper != nil, isOver { state.activities[id.number] = Entry(.own) }
            return sleeper
        }
        sleeper?.resume(returning: isOver)
    }

    // MARK: What goes on

    /// How much has happened so far: whoever sees the same number twice has seen that nothing did.
    package var events: Int { state.withLock { $0.events } }
    package func note() { state.withLock { $0.events += 1 } }

    /// How often anything was changed that somebody may look at.
    package var changes: Int { state.withLock { $0.changes } }
    package func noteChange() { state.withLock { $0.changes += 1 } }

    package func begin(_ kind: Activity.Kind) -> Activity {
        let number = state.withLock { state in
            let number = state.number()
            state.activities[number] = Entry(kind)
            state.events += 1
            return number
        }
        return Activity(number: number, self)
    }

    /// Whether anything is going on that has not been waited for long enough: other people's code is waited
    /// for for `patience` in real time.
    package func isBusy(forgettingAfter patience: Duration) -> Bool {
        let now = ContinuousClock.now
        return state.withLock { state in
            state.activities.values.contains { !$0.isForgotten(at: now, after: patience) }
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

extension [ManualTime.Activity] {
    /// Time has woken, cancelled or served what goes on: it is waited for anew.
    package func become(_ kind: ManualTime.Activity.Kind) {
        for activity in self { activity.become(kind) }
    }

    /// Runs `body` as a part of them.
    package func including(_ body: () async -> Void) async {
        if isEmpty { return await body() }
        await ManualTime.$activities.withValue(self) { await body() }
    }
}

package import RedisLink

/// The clock for the leases, schedules and pauses of this process: one that nobody sets and that counts
/// suspend, or, in tests, the one that the test advances.
///
/// Everything about the connection itself counts real time in both cases: timeouts of commands, reconnection,
/// deadlines of a shutdown.
package struct LocalClock: Sendable {
    package enum TimerID: Sendable {
        case thread(LinkThread.TimerID)
        case manual(ManualTime.TimerID)
    }

    /// Nil but in tests.
    package let manual: ManualTime?

    package static let continuous = LocalClock(manual: nil)

    package init(manual: ManualTime?) { self.manual = manual }

    package var now: ContinuousClock.Instant { manual?.now ?? .now }

    /// When a command was sent that the connection sent at `instant`.
    func sending(at instant: ContinuousClock.Instant) -> ContinuousClock.Instant { manual?.now ?? instant }

    /// Calls `fire` in a turn of `thread`. Must itself be called in one.
    ///
    /// - Parameter seen: for a look at what others may have changed, ``changes`` before the last one.
    func schedule(
        at instant: ContinuousClock.Instant, lookingAfter seen: Int? = nil, on thread: LinkThread,
        _ fire: @escaping @Sendable () -> Void
    ) -> TimerID {
        guard let manual else { return .thread(thread.schedule(at: instant, fire)) }
        return .manual(manual.schedule(at: instant, lookingAfter: seen) { thread.post(fire) })
    }

    func cancel(_ id: TimerID, on thread: LinkThread) {
        switch id {
        case .thread(let id): thread.cancel(id)
        case .manual(let id): manual?.cancel(id)
        }
    }

    /// Returns when the task's time is over, or when it is cancelled.
    func sleep(untilEndAt instant: ContinuousClock.Instant) async {
        guard let manual else {
            try? await Task.sleep(until: instant, tolerance: .zero, clock: .continuous)
            return
        }
        try? await manual.sleep(until: instant, thenIs: .brief)
    }

    /// Notes that something is going on that a test has to wait for before it advances the clock. Nil except
    /// in tests.
    func begin(_ kind: ManualTime.Activity.Kind = .own) -> ManualTime.Activity? { manual?.begin(kind) }

    /// What the caller's task works for, as far as a test has to wait for it. Empty but in tests.
    var activities: [ManualTime.Activity] { manual == nil ? [] : ManualTime.activities }

    /// How often anything in Redis was changed, as far as a test's clock knows.
    var changes: Int { manual?.changes ?? 0 }
}

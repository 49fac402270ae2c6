public import Foundation
internal import Holdfast

/// A clock that stands still until a test sets it on: for workers' schedules, messages' delays and retries, and leases,
/// without waiting for them.
///
/// ```swift
/// let clock = ManualClock()
/// let memory = try InMemoryRedis(clock: clock, logger: logger)
/// let holdfast = try memory.holdfast()
/// holdfast.add(PassiveUserChecker(users: users))     // every 600 s
/// let running = Task { try await holdfast.run() }
/// await clock.advance(by: .seconds(1800))            // three ticks have run
/// ```
///
/// It is the time of an ``InMemoryRedis`` and of all clients of it; code under test may sleep by it. What belongs to
/// connections and shutdowns counts real time: timeouts of commands, ``Configuration/stopDeadline``.
public final class ManualClock: Clock, Sendable {
    public typealias Instant = ContinuousClock.Instant

    let time = ManualTime()
    /// In µs since 1970.
    private let start: Int64
    /// For how long in real time a run or a handler is waited for, once.
    private let patience: Duration

    /// - Parameters:
    ///   - start: the date that it shows at first; the beginning of 2026, UTC, unless set.
    ///   - patience: for how long in real time ``advance(by:)`` waits for a run or a handler that does not end, once for
    ///     each; 1 s unless set.
    public init(
        start: Date = Date(timeIntervalSince1970: 1_767_225_600), patience: Duration = .seconds(1)
    ) {
        self.start = Int64(start.timeIntervalSince1970 * 1_000_000)
        self.patience = patience
    }

    public var now: ContinuousClock.Instant { time.now }
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// The date that it shows.
    public var date: Date { Date(timeIntervalSince1970: Double(microseconds) / 1_000_000) }

    var microseconds: Int64 { start + Int64(time.elapsed / .microseconds(1)) }

    /// Returns when the clock has been set on so far.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    public func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration? = nil) async throws {
        try await time.sleep(until: deadline)
    }

    /// Sets the clock on, from one instant at which something is due to the next: leases are renewed, retries and ticks
    /// begin, each at its time.
    ///
    /// At each it waits until what was due has been done: what workers and handlers began has ended, and the messages
    /// that were sent by it were handled. A run or a handler that does not end, because it waits for the test itself, is
    /// left to go on after a while of real time, see ``init(start:patience:)``. Call it from one task at a time.
    ///
    /// A negative duration stops the test's process.
    ///
    /// Each instant on the way takes some milliseconds of real time, or less: an idle queue is looked at each second, an
    /// idle worker each minute.
    public func advance(by duration: Duration) async {
        precondition(duration >= .zero, "a clock is set on, not back: advance(by:) got \(duration)")
        let target = time.now + duration.asDelay
        await untilIdle()
        while let next = time.nextInstant, next <= target {
            time.move(to: next)
            await untilIdle()
        }
        time.move(to: target)
        await untilIdle()
    }

    /// Returns when nothing was asked or begun between two looks, behind all that was asked before the first one.
    private func untilIdle() async {
        var seen: Int?
        while true {
            await untilNothingGoesOn()
            await time.passBarriers()
            let events = time.events
            if events == seen, !time.isBusy(forgetting: patience) { return }
            seen = events
        }
    }

    private func untilNothingGoesOn() async {
        var looks = 0
        while time.isBusy(forgetting: patience) {
            looks += 1
            // Most is through at once; what is not does not keep the processor.
            if looks < 100 { await Task.yield() } else { try? await Task.sleep(for: .microseconds(200)) }
        }
    }
}

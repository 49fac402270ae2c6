public import Foundation
internal import Holdfast

/// A clock that stands still until a test advances it: for workers' schedules, messages' delays and retries,
/// and leases, without waiting for them.
///
/// ```swift
/// let clock = ManualClock()
/// let memory = try InMemoryRedis(clock: clock, logger: logger)
/// let holdfast = try memory.holdfast()
/// holdfast.add(worker: "passive-user-checker", .every(.seconds(600))) { tick in
///     try await users.deactivate(inactiveFor: .seconds(30 * 86_400), fence: tick.fencingToken)
/// }
/// let running = Task { try await holdfast.run() }
/// await clock.advance(by: .seconds(1800))            // three ticks have run
/// ```
///
/// It is the time of an ``InMemoryRedis`` and of all its clients; code under test may sleep by it. Limits of
/// connections and shutdowns count real time: timeouts of commands, ``Holdfast/Configuration/stopDeadline``.
public final class ManualClock: Clock, Sendable {
    /// The instants of the real clock, so that deadlines of both can be compared.
    public typealias Instant = ContinuousClock.Instant

    let time = ManualTime()
    /// In µs since 1970.
    private let start: Int64
    /// How long in real time it waits for a run or a handler, once.
    private let patience: Duration

    /// - Parameters:
    ///   - start: the date at which it begins. Defaults to the beginning of 2026, UTC.
    ///   - patience: how long in real time ``advance(by:)`` waits for a run or a handler that itself waits
    ///     for the test. Defaults to 1 s.
    public init(
        start: Date = Date(timeIntervalSince1970: 1_767_225_600), patience: Duration = .seconds(1)
    ) {
        self.start = Int64(start.timeIntervalSince1970 * 1_000_000)
        self.patience = patience
    }

    /// The clock's present instant; only ``advance(by:)`` moves it.
    public var now: ContinuousClock.Instant { time.now }
    /// One nanosecond.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// The clock's present date.
    public var date: Date { Date(timeIntervalSince1970: Double(microseconds) / 1_000_000) }

    var microseconds: Int64 { start + Int64(time.elapsed / .microseconds(1)) }

    /// Returns when the clock has reached `deadline`.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    public func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration? = nil) async throws {
        try await time.sleep(until: deadline)
    }

    /// Advances the clock, from one instant when something is due to the next: leases are renewed, retries
    /// and ticks begin, each at its time.
    ///
    /// At each instant it waits until everything due has been done: the work that workers and handlers began
    /// has ended, and the messages it sent have been handled. A run or a handler that does not end, because
    /// it waits for the test itself, is left running after a while of real time, see
    /// ``init(start:patience:)``; but when the clock wakes, serves or cancels it later, it is waited for
    /// again. Call this from one task at a time.
    ///
    /// An instant when something is due takes about a millisecond of real time. Idle time takes none, however
    /// long it is: looks that find nothing new are skipped.
    ///
    /// - Parameter duration: zero or more; a negative duration stops the test's process, because a clock is
    ///   not set back. With zero, this only waits.
    public func advance(by duration: Duration) async {
        precondition(duration >= .zero, "a clock is not set back: advance(by:) was called with \(duration)")
        let target = time.now + duration.asDelay
        await untilIdle()
        while let next = time.nextInstant(upTo: target) {
            time.move(to: next)
            await untilIdle()
        }
        time.move(to: target)
        await untilIdle()
    }

    /// Returns when nothing was asked or begun between two looks, and everything asked before the first look
    /// is done.
    private func untilIdle() async {
        var seen: Int?
        while true {
            await untilNothingGoesOn()
            await time.passBarriers()
            let events = time.events
            if events == seen, !time.isBusy(forgettingAfter: patience) { return }
            seen = events
        }
    }

    private func untilNothingGoesOn() async {
        var looks = 0
        while time.isBusy(forgettingAfter: patience) {
            looks += 1
            // Most work is done at once; waiting for the rest must not occupy the processor.
            if looks < 100 { await Task.yield() } else { try? await Task.sleep(for: .microseconds(200)) }
        }
    }
}

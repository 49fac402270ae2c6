public import Foundation
internal import Holdfast

/// A clock that stands still until a test sets it on: for workers' schedules, messages' delays and retries, and leases,
/// without waiting for them.
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
/// It is the time of an ``InMemoryRedis`` and of all clients of it; code under test may sleep by it. What belongs to
/// connections and shutdowns counts real time: timeouts of commands, ``Holdfast/Configuration/stopDeadline``.
public final class ManualClock: Clock, Sendable {
    /// The instants of the real clock, so that deadlines of both can be compared.
    public typealias Instant = ContinuousClock.Instant

    let time = ManualTime()
    /// In µs since 1970.
    private let start: Int64
    /// For how long in real time a run or a handler is waited for, once.
    private let patience: Duration

    /// - Parameters:
    ///   - start: the date that it shows at first. Defaults to the beginning of 2026, UTC.
    ///   - patience: for how long in real time ``advance(by:)`` waits for a run or a handler that waits for the test
    ///     itself. Defaults to 1 s.
    public init(
        start: Date = Date(timeIntervalSince1970: 1_767_225_600), patience: Duration = .seconds(1)
    ) {
        self.start = Int64(start.timeIntervalSince1970 * 1_000_000)
        self.patience = patience
    }

    /// What the clock shows: it moves by ``advance(by:)`` alone.
    public var now: ContinuousClock.Instant { time.now }
    /// One nanosecond.
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
    /// left to go on after a while of real time, see ``init(start:patience:)``; but where the clock wakes, serves or
    /// cancels it later, it is waited for again. Call it from one task at a time.
    ///
    /// An instant at which something is due takes about a millisecond of real time. What is idle takes none, for however
    /// long it is: looks that find nothing new are passed over.
    ///
    /// - Parameter duration: from zero on: a negative one stops the test's process, as a clock is not set back. With
    ///   zero it only waits.
    public func advance(by duration: Duration) async {
        precondition(duration >= .zero, "a clock is set on, not back: advance(by:) got \(duration)")
        let target = time.now + duration.asDelay
        await untilIdle()
        while let next = time.nextInstant(upTo: target) {
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
            if events == seen, !time.isBusy(forgettingAfter: patience) { return }
            seen = events
        }
    }

    private func untilNothingGoesOn() async {
        var looks = 0
        while time.isBusy(forgettingAfter: patience) {
            looks += 1
            // Most is through at once; what is not does not keep the processor.
            if looks < 100 { await Task.yield() } else { try? await Task.sleep(for: .microseconds(200)) }
        }
    }
}

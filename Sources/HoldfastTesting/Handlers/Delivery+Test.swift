public import Foundation
public import Holdfast
public import Logging

/// For testing a handler, a worker's run or the body of `once` as a function, without a queue, a schedule or
/// Redis.
extension Delivery {
    /// One attempt at a message that is in no queue.
    ///
    /// ```swift
    /// let handled = try await book(order, .forTest(attempt: 5))
    /// #expect(handled == .deadLetter("the account is closed"))
    /// ```
    ///
    /// - Parameters:
    ///   - attempts: how many attempts the message has in all; with the same number, `attempt` is the last
    ///     one.
    ///   - enqueuedAt: Defaults to the time of `clock`, or without one to the beginning of 2026, UTC.
    ///   - lease: how long the claim is held; nobody renews it. Zero for a claim that is already over.
    ///   - clock: the clock of the lease. Defaults to real time.
    public static func forTest(
        queue: String = "test", id: String = "test-1", type: String = "", attempt: Int = 1,
        attempts: Int = RetryPolicy().attempts, priority: SendOptions.Priority = .normal,
        enqueuedAt: Date? = nil, fencingToken: FencingToken = FencingToken(rawValue: 1),
        lease: Duration = .seconds(3600), clock: ManualClock? = nil, logger: Logger? = nil
    ) -> Delivery {
        let letter =
            switch priority {
            case .high: "h"
            case .normal: ""
            case .low: "l"
            }
        let enqueued = Int64(
            ((enqueuedAt ?? clock?.date ?? .testStart).timeIntervalSince1970 * 1000).rounded())
        let time = LocalClock(manual: clock?.time)
        let claim = MessageClaim(
            entry: "\(letter)\(enqueued)-0", id: Array(id.utf8), type: type, attempt: attempt, body: [],
            fencingToken: fencingToken, proof: "", claimedAt: enqueued,
            lease: LeaseState(lease: LeaseTerm(lease.asDelay), sentAt: time.now), clock: time)
        return Delivery(
            of: claim, queue: queue, namespace: "test", attempts: attempts, baseLogger: logger ?? .silent)
    }

    /// Takes the claim away, as if another consumer had taken it over: ``Delivery/check()`` throws from now
    /// on. Unlike in a queue, the handler's task is not cancelled.
    public func lose() { claim.update { _ = $0.refused() } }
}

extension Tick {
    /// One run of a worker that nobody scheduled.
    ///
    /// - Parameters:
    ///   - nominal: Defaults to the time of `clock`, or without one to the beginning of 2026, UTC.
    ///   - lease: how long the run's lease is held; nobody renews it. Zero for a lease that is already over.
    ///   - clock: the clock of the lease. Defaults to real time.
    public static func forTest(
        worker: String = "test", nominal: Date? = nil, isTriggered: Bool = false, attempt: Int = 1,
        deadline: ContinuousClock.Instant? = nil, fencingToken: FencingToken = FencingToken(rawValue: 1),
        lease: Duration = .seconds(3600), clock: ManualClock? = nil, logger: Logger? = nil
    ) -> Tick {
        let nominal = nominal ?? clock?.date ?? .testStart
        return Tick(
            worker: worker, namespace: "test",
            nominalMilliseconds: Int64((nominal.timeIntervalSince1970 * 1000).rounded()),
            isTriggered: isTriggered, attempt: attempt, deadline: deadline,
            lease: .forTest("worker/\(worker)", fencingToken: fencingToken, lease: lease, clock: clock),
            logger: logger ?? .silent)
    }

    /// Takes the run's lease away: ``Tick/check()`` throws from now on. Unlike in a client, the run's task is
    /// not cancelled.
    public func lose() { lease.lose() }
}

extension OnceClaim {
    /// A claim on an id that nobody asked for.
    ///
    /// - Parameters:
    ///   - lease: how long the claim is held; nobody renews it. Zero for a claim that is already over.
    ///   - clock: the clock of the lease. Defaults to real time.
    public static func forTest(
        id: String = "test-1", scope: String = "test", fencingToken: FencingToken = FencingToken(rawValue: 1),
        lease: Duration = .seconds(3600), clock: ManualClock? = nil
    ) -> OnceClaim {
        OnceClaim(
            id: id, scope: scope, namespace: "test",
            lease: .forTest("\(scope)/\(id)", fencingToken: fencingToken, lease: lease, clock: clock))
    }

    /// Takes the claim away: ``OnceClaim/check()`` throws from now on. Unlike in a client, the body's task is
    /// not cancelled.
    public func lose() { lease.lose() }
}

extension Lease {
    /// A lease that nobody granted, for a ``LockProvider`` of your own, or for code that takes a lease.
    ///
    /// - Parameters:
    ///   - fencingToken: nil for a lease as with `fenced: false`.
    ///   - lease: how long it is held; nobody renews it. Zero for a lease that is already over.
    ///   - clock: the clock of the lease. Defaults to real time.
    public static func forTest(
        _ name: String = "test", fencingToken: FencingToken? = FencingToken(rawValue: 1),
        lease: Duration = .seconds(3600), clock: ManualClock? = nil
    ) -> Lease {
        let time = LocalClock(manual: clock?.time)
        let claim = LeaseClaim(lock: name, key: name, token: "test", lease: LeaseTerm(lease.asDelay))
        return Lease(Grant(claim, sentAt: time.now, clock: time), fence: fencingToken, issuer: NoIssuer())
    }

    /// Takes the lease away: ``Lease/check()`` throws from now on, and ``Lease/status`` is lost.
    public func lose() { grant.update { _ = $0.refused() } }
}

extension Holder {
    /// The holder of a lock, for a ``LockProvider`` of your own that refuses it.
    ///
    /// - Parameters:
    ///   - fencingToken: nil for a holder without a fence.
    ///   - remaining: how long its lease still lasts; nil for a lease without an end.
    public static func forTest(
        instanceID: String? = nil, fencingToken: FencingToken? = FencingToken(rawValue: 1),
        heldFor: Duration? = .seconds(1), remaining: Duration? = .seconds(30)
    ) -> Holder {
        Holder(
            instanceID: instanceID, fencingToken: fencingToken, heldFor: heldFor, remaining: remaining,
            token: Array("test".utf8))
    }
}

/// There is nothing to release.
private final class NoIssuer: LeaseIssuer {
    let observers = Observers()

    nonisolated(nonsending) func release(
        _ grant: Grant, late: Bool
    ) async throws(HoldfastError) -> LossReason? { nil }
    func abandon(_ grant: Grant) {}
}

extension Logger {
    fileprivate static var silent: Logger {
        Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    }
}

extension Date {
    /// The time at which a ``ManualClock`` begins.
    fileprivate static var testStart: Date { Date(timeIntervalSince1970: 1_767_225_600) }
}

public import Foundation
public import Logging

/// One run of a periodic worker, as passed to ``PeriodicWorker/run(_:)``. Each run gets its own.
public struct Tick: Sendable {
    /// The name of the worker.
    public let worker: String
    /// ``nominal`` in milliseconds since 1970.
    package let nominalMilliseconds: Int64
    /// Whether somebody requested this run; see ``WorkerHandle/trigger()``.
    public let isTriggered: Bool
    /// How often this tick has begun, including this time. Higher than 1 only with
    /// ``CrashPolicy/runAgain(attempts:)``.
    public let attempt: Int
    /// When the run will be cancelled for taking too long; nil without ``WorkerOptions/maximumRun``.
    public let deadline: ContinuousClock.Instant?
    /// A logger with the worker and the tick as metadata.
    public let logger: Logger
    /// How often the worker's cursor had been turned back.
    private let era: Int64
    private let namespace: String
    package let lease: Lease

    init(
        worker: String, namespace: String, run: ClaimedRun, deadline: ContinuousClock.Instant?, lease: Lease,
        logger: Logger
    ) {
        self.init(
            worker: worker, namespace: namespace, nominalMilliseconds: run.nominal, era: run.era,
            isTriggered: run.isTriggered,
            attempt: run.attempt, deadline: deadline, lease: lease, logger: logger)
    }

    package init(
        worker: String, namespace: String, nominalMilliseconds: Int64, era: Int64 = 0, isTriggered: Bool,
        attempt: Int,
        deadline: ContinuousClock.Instant?, lease: Lease, logger: Logger
    ) {
        self.worker = worker
        self.namespace = namespace
        self.lease = lease
        self.deadline = deadline
        self.nominalMilliseconds = nominalMilliseconds
        self.era = era
        self.isTriggered = isTriggered
        self.attempt = attempt
        var logger = logger
        logger[metadataKey: "holdfast.worker"] = .string(worker)
        logger[metadataKey: "holdfast.tick"] = .stringConvertible(nominalMilliseconds)
        self.logger = logger
    }

    /// Identifies the tick in all instances of its namespace and for all time: `name@<nominal milliseconds>`,
    /// followed by `!` if it was requested. The same in each attempt, and no other tick of the namespace has
    /// it.
    ///
    /// After the server's clock has been set back, an instant may come a second time; see
    /// ``WorkerHandle/rewind()``. That is another tick: `name@<nominal milliseconds>~1`.
    public var id: String {
        TickInstant(milliseconds: nominalMilliseconds, era: era).tickID(of: worker, isTriggered: isTriggered)
    }

    /// The same for all attempts at this tick, and different from that of every other tick: for a remote API
    /// that takes an idempotency key.
    ///
    /// `<namespace>/tick/<worker>/<nominal milliseconds>`, with `trigger` in place of `tick` for a run that was asked
    /// for, and with what ``id`` has after an instant that comes again; otherwise as ``Delivery/idempotencyKey``.
    public var idempotencyKey: String {
        IdempotencyKey.text(
            namespace, isTriggered ? .trigger : .tick, worker,
            TickInstant(milliseconds: nominalMilliseconds, era: era).description)
    }

    /// When the tick was due by the schedule, or the run was requested, by the Redis server's clock, in whole
    /// milliseconds. The run began at that time or later.
    public var nominal: Date { Date(timeIntervalSince1970: Double(nominalMilliseconds) / 1000) }

    /// Higher than that of every run of this worker that began earlier. Let whatever the run writes to refuse
    /// lower ones.
    public var fencingToken: FencingToken {
        guard let token = lease.fence else {
            preconditionFailure("a tick was claimed without a fence")
        }
        return token
    }

    /// How long the run may still believe in its lease if no renewal succeeds. No round trip.
    public var remaining: Duration { lease.remaining }

    /// Throws unless the run's lease is held at this moment. Call it before each step that must not be done
    /// by two instances. No round trip.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/lost``.
    public func check() throws { try lease.check() }
}

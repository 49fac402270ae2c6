public import Foundation
public import Logging

/// One run of a periodic worker, as its ``PeriodicWorker/run(_:)`` gets it.
public struct Tick: Sendable {
    /// The name of the worker.
    public let worker: String
    /// The instant the tick was due at by the schedule, in milliseconds since 1970 on the Redis server's
    /// clock.
    public let nominalMilliseconds: Int64
    /// A logger that tells the worker and the tick.
    public let logger: Logger
    let lease: Lease

    init(worker: String, nominal: Int64, lease: Lease, logger: Logger) {
        self.worker = worker
        self.lease = lease
        nominalMilliseconds = nominal
        var logger = logger
        logger[metadataKey: "holdfast.tick"] = .stringConvertible(nominal)
        self.logger = logger
    }

    /// Names the tick in all instances and for all time: `name@<nominal milliseconds>`. Use it as an
    /// idempotency key.
    public var id: String { "\(worker)@\(nominalMilliseconds)" }

    /// The instant the tick was due at by the schedule. The run began at that time or later.
    public var nominal: Date { Date(timeIntervalSince1970: Double(nominalMilliseconds) / 1000) }

    /// Higher than that of every earlier run of this worker. Let what the run writes to refuse lower ones.
    public var fencingToken: FencingToken {
        guard let token = lease.fencingToken else {
            preconditionFailure("a tick was claimed without a fence")
        }
        return token
    }

    /// How long the run may still believe in its lease if no renewal succeeds. No round trip.
    public var remaining: Duration { lease.remaining }

    /// Throws unless the run's lease is held at this moment. Call it before each step that must not be done
    /// by two instances. No round trip.
    ///
    /// - Throws: ``HoldfastError/Code/lost``.
    public func check() throws(HoldfastError) { try lease.check() }
}

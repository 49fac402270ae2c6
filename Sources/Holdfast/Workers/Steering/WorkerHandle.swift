import RedisLink

/// A periodic worker, identified by its name wherever it runs: to look at it and to steer it.
///
/// ```swift
/// try await holdfast.worker("nightly").trigger()
/// ```
///
/// All instances follow these requests, including those that start later. They hear of them at once; an
/// instance that missed the message finds out within a minute. Each call that steers takes one round trip and
/// throws a ``HoldfastError``: ``HoldfastError/Code/invalidArgument`` for an invalid name. With
/// ``HoldfastError/mayHaveHappened`` it may have been done, and can be repeated, except for ``trigger()``,
/// which may then cause two runs.
public struct WorkerHandle: Sendable {
    /// The name of the worker.
    public let name: String
    private let core: Core

    init(_ name: String, _ core: Core) {
        self.name = name
        self.core = core
    }

    // MARK: Look

    /// The worker's status; nil if no instance has ever run it. Three to four round trips.
    public func status() async throws -> WorkerStatus? {
        _ = try WorkerKeys(name, concurrency: 1, in: core.keys)
        return try await core.inspecting("looking at the worker \(name)") { () async throws(RedisError) in
            try await core.status(ofWorker: name)
        }
    }

    /// The ended runs, newest first: at most `limit`, and no more than ``WorkerOptions/history`` keeps. One
    /// round trip.
    public func runs(limit: Int = 100) async throws -> [WorkerRun] {
        let keys = try WorkerKeys(name, concurrency: 1, in: core.keys)
        guard limit > 0 else { return [] }
        return try await core.inspecting("reading the runs of the worker \(name)") {
            () async throws(RedisError) in
            try await core.runs(ofWorker: name, keys, limit: limit)
        }
    }

    // MARK: Steer

    /// Requests one run, on any instance, as soon as one may begin: even while the worker is paused, but not
    /// beyond the number of runs that may be under way at the same time. Repeated before that run has begun,
    /// it requests the same run; afterwards it requests another one, with a later instant and an id of its
    /// own. The schedule is not affected.
    ///
    /// - Returns: false if no instance has ever run the worker.
    @discardableResult
    public func trigger() async throws -> Bool { try await steer(.trigger) != .unknown }

    /// Keeps all ticks from beginning until ``resume()``. Runs under way continue. ``WorkerOptions/missed``
    /// decides about the ticks that come due meanwhile.
    ///
    /// - Returns: false if no instance has ever run the worker.
    @discardableResult
    public func pause() async throws -> Bool { try await steer(.pause) != .unknown }

    /// Ends ``pause()``.
    ///
    /// - Returns: false if no instance has ever run the worker.
    @discardableResult
    public func resume() async throws -> Bool { try await steer(.resume) != .unknown }

    /// Puts another schedule in force, until ``restoreSchedule()`` or until an instance with a higher
    /// ``WorkerOptions/version`` starts.
    ///
    /// - Returns: false if no instance has ever run the worker.
    /// - Throws: ``HoldfastError/Code/invalidArgument`` for an invalid schedule, and for a fixed delay if
    ///   runs may overlap.
    @discardableResult
    public func reschedule(to schedule: Schedule) async throws -> Bool {
        try await steer(.reschedule, schedule) != .unknown
    }

    /// Puts the schedule of the code in force again, after ``reschedule(to:)``.
    ///
    /// - Returns: false if no instance has ever run the worker.
    @discardableResult
    public func restoreSchedule() async throws -> Bool { try await steer(.restore) != .unknown }

    /// Makes the worker follow the server's clock again after that was ahead and has been corrected: its
    /// newest tick then lies ahead of the clock, and no other one comes due until the clock is past it; see
    /// ``WorkerStatus/clockLag``. After this call ticks come due again. Does nothing if the newest tick does
    /// not lie ahead.
    ///
    /// No tick begins twice because of this: an instant that the wrong clock has shown already comes again as
    /// another tick, with another ``Tick/id``. Work that must be done once per instant, whatever clocks do,
    /// must compare ``Tick/nominal`` itself.
    ///
    /// - Returns: false if no instance has ever run the worker.
    @discardableResult
    public func rewind() async throws -> Bool { try await steer(.rewind) != .unknown }

    package func steer(_ verb: SteeringVerb, _ schedule: Schedule? = nil) async throws -> Steered {
        try schedule?.validate()
        let call = try ScriptCall.steer(name, verb, schedule, in: core.keys)
        let steered = try await core.inspecting("to \(verb) the worker \(name)") {
            () async throws(RedisError) in try await core.link.call(call)
        }
        guard steered != .overlapping else {
            throw HoldfastError(
                .invalidArgument,
                "the runs of the worker \(name) may overlap, so none can begin a delay after the last one")
        }
        return steered
    }
}

extension Holdfast {
    /// A periodic worker, identified by its name, to look at it and to steer it, whichever instances run it.
    /// Nothing is sent to Redis before its first use.
    public func worker(_ name: String) -> WorkerHandle { WorkerHandle(name, core) }
}

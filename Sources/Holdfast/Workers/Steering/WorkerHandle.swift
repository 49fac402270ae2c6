import RedisLink

/// A periodic worker by its name, wherever it runs: to look at it and to steer it.
///
/// ```swift
/// try await holdfast.worker("nightly").trigger()
/// ```
///
/// All instances go by what is asked here, those that start later too. They hear of it at once; one that missed the
/// message finds out within a minute. Each call that steers is one round trip, and throws a ``HoldfastError``:
/// ``HoldfastError/Code/invalidArgument`` for a name that cannot be used. With ``HoldfastError/mayHaveHappened`` it may
/// have been done, and can be asked again, but for ``trigger()``, which may then have its run twice.
public struct WorkerHandle: Sendable {
    /// The name of the worker.
    public let name: String
    private let core: Core

    init(_ name: String, _ core: Core) {
        self.name = name
        self.core = core
    }

    // MARK: Look

    /// How the worker stands; nil where no instance has ever run it. Three to four round trips.
    public func status() async throws -> WorkerStatus? {
        _ = try WorkerKeys(name, concurrency: 1, in: core.keys)
        return try await core.inspecting("looking at the worker \(name)") { () async throws(RedisError) in
            try await core.status(ofWorker: name)
        }
    }

    /// The runs that ended, newest first: at most `limit`, and no more than ``WorkerOptions/history`` keeps. One round
    /// trip.
    public func runs(limit: Int = 100) async throws -> [WorkerRun] {
        let keys = try WorkerKeys(name, concurrency: 1, in: core.keys)
        guard limit > 0 else { return [] }
        return try await core.inspecting("reading the runs of the worker \(name)") {
            () async throws(RedisError) in
            try await core.runs(ofWorker: name, keys, limit: limit)
        }
    }

    // MARK: Steer

    /// Asks for one run, on any instance, as soon as one may begin: also while the worker is paused, but not beside as
    /// many runs as may go on at the same time. Asked again before that run has begun, it is the same one; afterwards
    /// it is another, with a later instant and an id of its own. The schedule goes on as before.
    ///
    /// - Returns: false where no instance has ever run the worker.
    @discardableResult
    public func trigger() async throws -> Bool { try await steer(.trigger) != .unknown }

    /// Lets no tick begin until ``resume()``. Runs that go on are not ended. Of the ticks that come due meanwhile
    /// ``WorkerOptions/missed`` says what becomes.
    ///
    /// - Returns: false where no instance has ever run the worker.
    @discardableResult
    public func pause() async throws -> Bool { try await steer(.pause) != .unknown }

    /// Ends ``pause()``.
    ///
    /// - Returns: false where no instance has ever run the worker.
    @discardableResult
    public func resume() async throws -> Bool { try await steer(.resume) != .unknown }

    /// Puts another schedule in force, until ``restoreSchedule()``, or until an instance of a higher
    /// ``WorkerOptions/version`` comes.
    ///
    /// - Returns: false where no instance has ever run the worker.
    /// - Throws: ``HoldfastError/Code/invalidArgument`` for a schedule that cannot be used, and for a delay after the
    ///   last run where runs may overlap.
    @discardableResult
    public func reschedule(to schedule: Schedule) async throws -> Bool {
        try await steer(.reschedule, schedule) != .unknown
    }

    /// Puts the schedule of the code in force again, after ``reschedule(to:)``.
    ///
    /// - Returns: false where no instance has ever run the worker.
    @discardableResult
    public func restoreSchedule() async throws -> Bool { try await steer(.restore) != .unknown }

    /// Lets the worker go on by the server's clock after that was ahead and was set right: its newest tick then lies
    /// ahead of the clock, and no other one comes due until the clock is past it, see ``WorkerStatus/clockLag``. From
    /// this call on ticks come due again. Does nothing where the newest tick does not lie ahead.
    ///
    /// No tick begins twice by it: an instant that the wrong clock showed already comes again as another tick, with
    /// another ``Tick/id``. What must be done once for each instant, whatever clocks did, must compare ``Tick/nominal``
    /// itself.
    ///
    /// - Returns: false where no instance has ever run the worker.
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
    /// A periodic worker by its name, to look at it and to steer it, whichever instances run it. Nothing is asked before
    /// its first call.
    public func worker(_ name: String) -> WorkerHandle { WorkerHandle(name, core) }
}

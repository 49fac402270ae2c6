import RedisLink

extension Holdfast {
    /// Asks for one run of a periodic worker, on any instance, as soon as one may begin: also while it is paused,
    /// but not beside as many runs as may go on at the same time. Asked again before that run has begun, it is the
    /// same one; afterwards it is another, with a later instant and an id of its own. Its schedule goes on as before.
    ///
    /// Here and in the other calls that steer a worker: all its instances go by it, those that start later too.
    /// They hear of it at once; an instance that missed the message finds out within a minute. One round trip.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func trigger(worker name: String) async throws -> Bool {
        try await steer(name, .trigger) != .unknown
    }

    /// Lets no tick of a periodic worker begin until ``resume(worker:)``. Runs that go on are not ended. Of the
    /// ticks that come due meanwhile ``WorkerOptions/missed`` says what becomes.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func pause(worker name: String) async throws -> Bool {
        try await steer(name, .pause) != .unknown
    }

    /// Ends ``pause(worker:)``.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func resume(worker name: String) async throws -> Bool {
        try await steer(name, .resume) != .unknown
    }

    /// Puts another schedule in force for a periodic worker, until ``restoreSchedule(ofWorker:)``, or until an
    /// instance of a higher ``WorkerOptions/version`` comes.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    /// - Throws: ``HoldfastError/Code/invalidArgument`` for a schedule that cannot be used, and for a delay after the
    ///   last run where runs may overlap.
    @discardableResult
    public func reschedule(worker name: String, to schedule: Schedule) async throws -> Bool {
        try await steer(name, .reschedule, schedule) != .unknown
    }

    /// Puts the schedule of the code in force again, after ``reschedule(worker:to:)``.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func restoreSchedule(ofWorker name: String) async throws -> Bool {
        try await steer(name, .restore) != .unknown
    }

    /// Lets a periodic worker go on by the server's clock after that was ahead and was set right: its newest tick then
    /// lies ahead of the clock, and no other one comes due until the clock is past it, see ``WorkerStatus/clockLag``.
    /// From this call on ticks come due again. Does nothing where the newest tick does not lie ahead.
    ///
    /// No tick begins twice by it: an instant that the wrong clock showed already comes again as another tick, with
    /// another ``Tick/id``. What must be done once for each instant, whatever clocks did, must compare
    /// ``Tick/nominalMilliseconds`` itself.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func rewind(worker name: String) async throws -> Bool {
        try await steer(name, .rewind) != .unknown
    }

    package func steer(_ name: String, _ verb: SteeringVerb, _ schedule: Schedule? = nil) async throws
        -> Steered
    {
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

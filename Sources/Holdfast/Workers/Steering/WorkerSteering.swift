import RedisLink

extension Holdfast {
    /// Asks for one run of a periodic worker, on any instance, as soon as one may begin: also while it is paused,
    /// but not beside as many runs as may go on at the same time. Asked again before that run has begun, it is the
    /// same one. Its schedule goes on as before.
    ///
    /// Here and in the other calls that steer a worker: all its instances go by it, those that start later too.
    /// They hear of it at once; an instance that missed the message finds out within a minute. One round trip.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func trigger(worker name: String) async throws -> Bool {
        try await steer(name, "trigger")
    }

    /// Lets no tick of a periodic worker begin until ``resume(worker:)``. Runs that go on are not ended. Of the
    /// ticks that come due meanwhile ``WorkerOptions/missed`` says what becomes.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func pause(worker name: String) async throws -> Bool {
        try await steer(name, "pause")
    }

    /// Ends ``pause(worker:)``.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func resume(worker name: String) async throws -> Bool {
        try await steer(name, "resume")
    }

    /// Puts another schedule in force for a periodic worker, until ``restoreSchedule(ofWorker:)``, or until an
    /// instance of a higher ``WorkerOptions/version`` comes.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    /// - Throws: ``HoldfastError/Code/invalidArgument`` for a delay after the last run, where runs may overlap.
    @discardableResult
    public func reschedule(worker name: String, to schedule: Schedule) async throws -> Bool {
        try await steer(name, "reschedule", schedule)
    }

    /// Puts the schedule of the code in force again, after ``reschedule(worker:to:)``.
    ///
    /// - Returns: false where no instance has ever run a worker of that name.
    @discardableResult
    public func restoreSchedule(ofWorker name: String) async throws -> Bool {
        try await steer(name, "restore")
    }

    private func steer(_ name: String, _ verb: String, _ schedule: Schedule? = nil) async throws -> Bool {
        let keys = try WorkerKeys(name, concurrency: 1, in: core.keys)
        let answer = try await core.inspecting("to \(verb) the worker \(name)") {
            () async throws(RedisError) in
            try await core.link.evaluate(
                Scripts.steerWorker, keys: [keys.worker],
                arguments: [
                    .string(verb), .string(core.keys.workerChannel), .string(name),
                    .string(schedule?.description ?? ""), schedule?.followsRuns == true ? "1" : "",
                ]
            ).value.integer
        }
        guard answer != 2 else {
            throw HoldfastError(
                .invalidArgument,
                "the runs of the worker \(name) may overlap, so none can begin a delay after the last one")
        }
        return answer == 1
    }
}

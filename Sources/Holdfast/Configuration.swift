extension Holdfast {
    /// Settings of a ``Holdfast``.
    public struct Configuration: Sendable {
        /// How long a lock lives in Redis without renewal, if its holder dies. Held locks are renewed at a third
        /// of it. 100 ms to 24 h; defaults to 30 s.
        public var lease: Duration
        /// How long one command may take, with the wait for a connection. At least 1 ms; defaults to 5 s.
        public var commandTimeout: Duration
        /// How long work under way may continue after a graceful shutdown has begun, before it is cancelled.
        /// At least 1 ms, `.seconds(.max)` for no limit; defaults to 30 s.
        public var stopDeadline: Duration
        /// The name of the service, shown where holders are listed. Defaults to the name of the executable.
        public var service: String?
        /// The version of the service, shown where instances are listed.
        public var version: String?
        /// Whether workers and queue handlers run on a server that evicts keys when its memory is full,
        /// although it may evict locks, fences and ledgers. If they do, that is logged as critical. Defaults
        /// to false: ``Holdfast/run()`` throws.
        public var acceptsEviction: Bool
        /// Called for the user and password of each new connection, in place of those in the URL, so that a
        /// rotated password is picked up without a restart.
        ///
        /// It is called once the socket is connected; connecting and this call together may take five
        /// seconds. If it throws or takes longer, the attempt fails and is repeated after a growing, random
        /// pause of at most 2 s. Only the type of the error that it throws is shown, since its text may
        /// contain secrets.
        public var credentials: (@Sendable () async throws -> RedisCredentials)?
        /// How messages and the results of ``Holdfast/once(_:in:lease:retention:made:_:)`` are encoded as
        /// JSON and decoded. A queue may have coders of its own. By default dates are ISO 8601.
        public var coders: JSONCoders
        /// Called after each run of a periodic worker in this instance, with the error if the run failed: for
        /// metrics and alarms. It must return soon, because the worker's next run waits for it.
        ///
        /// A run whose instance died is not reported here; ``WorkerHandle/runs(limit:)`` lists it.
        public var runObserver: (@Sendable (WorkerRun, (any Error)?) -> Void)?

        /// The defaults, but for what is given.
        public init(
            lease: Duration = .seconds(30), commandTimeout: Duration = .seconds(5),
            stopDeadline: Duration = .seconds(30), service: String? = nil, version: String? = nil,
            acceptsEviction: Bool = false,
            credentials: (@Sendable () async throws -> RedisCredentials)? = nil,
            coders: JSONCoders = JSONCoders(),
            runObserver: (@Sendable (WorkerRun, (any Error)?) -> Void)? = nil
        ) {
            self.lease = lease
            self.commandTimeout = commandTimeout
            self.stopDeadline = stopDeadline
            self.service = service
            self.version = version
            self.acceptsEviction = acceptsEviction
            self.credentials = credentials
            self.coders = coders
            self.runObserver = runObserver
        }

        package func validated() throws(HoldfastError) -> Configuration {
            var valid = self
            try Settings.lease.check(lease)
            valid.commandTimeout = try Settings.commandTimeout(commandTimeout)
            valid.stopDeadline = try Settings.stopDeadline(stopDeadline)
            return valid
        }
    }
}

extension Holdfast {
    /// Settings of a ``Holdfast``.
    public struct Configuration: Sendable {
        /// How long a lock lives in Redis without renewal, if its holder dies. Held locks are renewed at a third
        /// of it. 100 ms to 24 h; defaults to 30 s.
        public var lease: Duration
        /// How long one command may take, with the wait for a connection. At least 1 ms; defaults to 5 s.
        public var commandTimeout: Duration
        /// How long work that is under way may go on after a graceful shutdown began, before it is cancelled.
        /// At least 1 ms, `.seconds(.max)` for no limit; defaults to 30 s.
        public var stopDeadline: Duration
        /// The name of the service, shown where holders are listed. The name of the executable unless set.
        public var service: String?
        /// The version of the service, shown where instances are listed.
        public var version: String?
        /// Whether workers and queue handlers run on a server that evicts keys when its memory is full, though
        /// it may evict locks, fences and ledgers. It is logged as critical then. False unless set:
        /// ``Holdfast/run()`` throws.
        public var acceptsEviction: Bool
        /// Asked for user and password at each connection, instead of the URL's: so a rotated password is found
        /// without a restart.
        ///
        /// It is asked after the connection stands, and has five seconds, with the making of the connection. If it
        /// throws or does not answer in time, the attempt has failed and is made again after a growing, random
        /// pause of at most 2 s. What it throws is not shown, since nobody knows what secrets are in it: only its
        /// type is.
        public var credentials: (@Sendable () async throws -> RedisCredentials)?
        /// How messages and the results of ``Holdfast/once(_:in:lease:retention:made:_:)`` become JSON, and are read;
        /// a queue may have coders of its own. Dates are ISO 8601 unless set.
        public var coders: JSONCoders
        /// Called after each run of a periodic worker in this instance, with the error of one that did not succeed:
        /// for metrics and alarms. It must return soon; the worker's next run waits for it.
        ///
        /// A run of an instance that died reports nowhere; ``WorkerHandle/runs(limit:)`` tells of it.
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

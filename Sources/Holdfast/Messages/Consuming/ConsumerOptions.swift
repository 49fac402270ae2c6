/// How a queue's messages are handled.
public struct ConsumerOptions: Sendable {
    /// How many handlers of this queue run at the same time in this instance; defaults to 16. No more
    /// messages are claimed than can be handled at once.
    public var concurrency: Int
    /// How many handlers of this queue run at the same time in all instances together; no limit by default.
    /// At least 1, and the same in all instances, since each enforces its own.
    public var totalConcurrency: Int?
    /// How long a claim outlives an instance that died; it is renewed while the handler runs. 100 ms to 24 h;
    /// defaults to ``Holdfast/Configuration/lease``.
    public var lease: Duration?
    /// How often a message is tried, and the waits in between.
    public var retry: RetryPolicy
    /// How long a message's id is remembered after its commit; at least 1 ms, defaults to 7 days. A message
    /// that arrives again with the same id within that time has no effect, whoever sends it and however.
    public var retention: Duration
    /// How many messages of dead consumers this instance takes over in a second; at least 1, defaults to 100.
    /// After many have crashed at once the work comes back bit by bit, beside new messages.
    public var takeOversPerSecond: Int
    /// How many dead letters the queue keeps; defaults to 10,000. Beyond that the oldest are dropped, and
    /// their ids are remembered like those of commits.
    public var deadLetters: Int
    /// Whether this handler may be added beside another one of the same queue in this client. Each message
    /// then goes to either of them. Defaults to false: a second handler is refused.
    public var sharesQueue: Bool

    /// The defaults, except for the given values.
    public init(
        concurrency: Int = 16, totalConcurrency: Int? = nil, lease: Duration? = nil,
        retry: RetryPolicy = RetryPolicy(), retention: Duration = .seconds(7 * 86_400),
        takeOversPerSecond: Int = 100, deadLetters: Int = 10_000, sharesQueue: Bool = false
    ) {
        self.concurrency = concurrency
        self.totalConcurrency = totalConcurrency
        self.lease = lease
        self.retry = retry
        self.retention = retention
        self.takeOversPerSecond = takeOversPerSecond
        self.deadLetters = deadLetters
        self.sharesQueue = sharesQueue
    }

    /// - Parameter policies: those of single types.
    func validated(lease: Duration, _ policies: [RetryPolicy]) throws(HoldfastError) -> ConsumerOptions {
        try Settings.lease.check(lease)
        try Setting("concurrency", from: 1).check(concurrency)
        if let totalConcurrency { try Setting("totalConcurrency", from: 1).check(totalConcurrency) }
        try Setting("takeOversPerSecond", from: 1).check(takeOversPerSecond)
        try Setting("deadLetters", from: 0).check(deadLetters)
        for policy in [retry] + policies { try policy.validate() }
        var valid = self
        valid.retention = try Settings.retention(retention)
        return valid
    }
}

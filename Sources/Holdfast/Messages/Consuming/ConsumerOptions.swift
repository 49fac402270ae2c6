/// How a queue's messages are handled.
public struct ConsumerOptions: Sendable {
    /// How many handlers of this queue run at the same time in this instance; 16 unless set. No more messages
    /// are claimed than can be handled at once.
    public var concurrency: Int
    /// How many handlers of this queue run at the same time in all instances; any number unless set. At least 1,
    /// and the same in all instances: each keeps to its own.
    public var totalConcurrency: Int?
    /// How long a claim outlives an instance that died; it is renewed while the handler runs. 100 ms to 24 h;
    /// ``Holdfast/Configuration/lease`` unless set.
    public var lease: Duration?
    /// How often a message is tried, and the waits in between.
    public var retry: RetryPolicy
    /// For how long after its commit a message's id is remembered at least; from 1 ms on, 7 days unless set. A
    /// message that comes again under the same id within that time has no effect, whoever sends it and however.
    public var retention: Duration
    /// How many messages of consumers that died this instance takes over in a second; 100 unless set, at least 1.
    /// After the crash of many at once the work comes back bit by bit, beside what is new.
    public var takeOversPerSecond: Int
    /// How many dead letters the queue keeps; 10,000 unless set. Beyond that the oldest are dropped. Their ids are
    /// remembered like those of commits.
    public var deadLetters: Int
    /// Whether this handler may be added beside another one of the same queue in this client. Each message then goes to
    /// one of them, and nothing says to which. False unless set: a second handler is refused.
    public var sharesQueue: Bool

    /// The defaults, but for what is given.
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

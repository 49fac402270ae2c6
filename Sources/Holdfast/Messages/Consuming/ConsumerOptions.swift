/// How a queue's messages are handled.
public struct ConsumerOptions: Sendable {
    /// How many handlers of this queue run at the same time in this instance; 16 unless set. No more messages
    /// are claimed than can be handled at once.
    public var concurrency = 16
    /// How many handlers of this queue run at the same time in all instances; any number unless set. At least 1,
    /// and the same in all instances: each keeps to its own.
    public var totalConcurrency: Int?
    /// How long a claim outlives an instance that died; it is renewed while the handler runs. 100 ms to 24 h;
    /// ``Configuration/lease`` unless set.
    public var lease: Duration?
    /// How often a message is tried, and the waits in between.
    public var retry = RetryPolicy()
    /// For how long after its commit a message's id is remembered at least; 7 days unless set. A message that
    /// comes again under the same id within that time has no effect, whoever sends it and however.
    public var retention: Duration = .seconds(7 * 86_400)

    /// How many messages of consumers that died this instance takes over in a second; 100 unless set, at least 1.
    /// After the crash of many at once the work comes back bit by bit, beside what is new.
    public var takeOversPerSecond = 100
    /// How many dead letters the queue keeps; 10,000 unless set. Beyond that the oldest are dropped. Their ids are
    /// remembered like those of commits.
    public var deadLetters = 10_000

    public init() {}

    func validate(lease: Duration, _ routes: MessageRoutes) throws(HoldfastError) {
        try Configuration.validate(lease: lease)
        guard !routes.isEmpty else {
            throw HoldfastError(.invalidArgument, "a consumer handles no type of message")
        }
        guard concurrency >= 1, ([retry] + routes.policies).allSatisfy(\.isUsable),
            retention > .zero, totalConcurrency ?? 1 >= 1, takeOversPerSecond >= 1, deadLetters >= 0
        else {
            throw HoldfastError(
                .invalidArgument,
                """
                a consumer's concurrency, attempts, take-overs and retention must be above zero, its waits and dead \
                letters not below
                """)
        }
    }
}

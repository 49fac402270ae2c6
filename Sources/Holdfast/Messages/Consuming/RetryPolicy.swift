/// How often a message is tried, and how long to wait between two attempts.
///
/// The wait before attempt n + 1 is uniform between zero and `first` · 2ⁿ⁻¹, at most `longest`: exponential
/// back-off with full jitter, so that messages that failed together do not come back together.
public struct RetryPolicy: Hashable, Sendable {
    /// How many attempts a message has before it is dead; at least 1. Attempts count when they begin, so an
    /// attempt that kills its process counts too.
    public var attempts: Int
    /// The longest wait after the first attempt; at least zero.
    public var first: Duration
    /// The longest wait after any attempt; at least zero.
    public var longest: Duration

    /// - Parameters:
    ///   - attempts: defaults to 5.
    ///   - first: defaults to 1 s.
    ///   - longest: defaults to 5 min.
    public init(attempts: Int = 5, first: Duration = .seconds(1), longest: Duration = .seconds(300)) {
        self.attempts = attempts
        self.first = first
        self.longest = longest
    }

    /// Nothing is handed out a second time once its handler has begun: for effects that nobody can undo or
    /// recognise, such as e-mails, where one too few is better than one too many.
    ///
    /// A message whose handler threw, was cancelled or never reported its end is in the dead letters: only
    /// people can find out whether it had its effect. This holds in the history that Redis keeps, for each
    /// entry of the queue.
    public static var atMostOnce: RetryPolicy {
        var policy = RetryPolicy(attempts: 1, first: .zero, longest: .zero)
        policy.isAtMostOnce = true
        return policy
    }

    /// Whether what was begun is given up instead of being given back.
    private(set) var isAtMostOnce = false

    func validate() throws(HoldfastError) {
        try Setting("the attempts of a retry policy", from: 1).check(attempts)
        try Setting("the first wait of a retry policy", from: Duration.zero).check(first)
        try Setting("the longest wait of a retry policy", from: Duration.zero).check(longest)
    }
}

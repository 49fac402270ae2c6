/// When a command that was refused for the time being is sent again, and the error if that never helps.
///
/// A value without a clock or randomness.
struct Repetition: Sendable {
    static let shortest: Duration = .milliseconds(5)
    static let longest: Duration = .milliseconds(500)

    let deadline: ContinuousClock.Instant
    private let server: String
    private var last: RedisError
    private var answers = 1

    /// - Parameter server: the server's name in errors.
    init(until deadline: ContinuousClock.Instant, by server: String, _ first: RedisError) {
        self.deadline = deadline
        self.server = server
        last = first
    }

    /// Another try was refused.
    mutating func refused(_ error: RedisError) {
        last = error
        answers += 1
    }

    /// The wait before the next try: between half and all of a time that doubles, so that many clients do not
    /// come at once. Nil when the deadline comes first. `random` is uniform in 0..<1.
    func pause(at now: ContinuousClock.Instant, random: Double) -> Duration? {
        let longest = min(Self.longest, Self.shortest * (1 << min(answers, 10)))
        let pause = longest * (0.5 + random / 2)
        return now + pause < deadline ? pause : nil
    }

    /// The error when the deadline has come.
    var failure: RedisError {
        let times = answers == 1 ? "once" : "\(answers) times"
        return RedisError(
            last.code, delivery: .refused,
            "\(server) refused until the deadline, \(times), most recently with: \(last.message)",
            replyKind: last.replyKind)
    }
}

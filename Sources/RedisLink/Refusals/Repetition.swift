/// When a command that was refused for the time being is sent again, and what is said if that never helps.
///
/// A value without clock or randomness.
struct Repetition: Sendable {
    static let shortest: Duration = .milliseconds(5)
    static let longest: Duration = .milliseconds(500)

    let deadline: ContinuousClock.Instant
    private let server: String
    private var last: RedisError
    private var answers = 1

    /// - Parameter server: as errors name it.
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

    /// The wait before the next try: between a half and the whole of a time that doubles, so that many
    /// clients do not come together. Nil when the deadline comes first. `random` is uniform in 0..<1.
    func pause(at now: ContinuousClock.Instant, random: Double) -> Duration? {
        let longest = min(Self.longest, Self.shortest * (1 << min(answers, 10)))
        let pause = longest * (0.5 + random / 2)
        return now + pause < deadline ? pause : nil
    }

    /// What is said when the deadline has come.
    var failure: RedisError {
        let times = answers == 1 ? "once" : "\(answers) times"
        return RedisError(
            last.code, delivery: .refused,
            "\(server) refused until the deadline, \(times), at last with: \(last.message)",
            replyKind: last.replyKind)
    }
}

import RedisLink

/// What is known of a call that is repeated until its outcome is certain.
///
/// Each repetition is answered as the first call was, or would have been. So after an answer was lost, a
/// later "no" may be due to our own earlier "yes", and after a later failure it is still open whether the
/// call happened.
struct UnknownOutcome: Sendable {
    /// Whether the answer to an earlier try was lost.
    private(set) var mayHaveHappened = false

    /// Notes that a try failed.
    ///
    /// - Returns: the failure, as that of all tries together.
    mutating func failed(_ error: RedisError) -> RedisError {
        mayHaveHappened = mayHaveHappened || error.delivery == .unknown
        var error = error
        if mayHaveHappened { error.delivery = .unknown }
        return error
    }

    /// What an answer says of all tries together.
    func settled(_ answer: Bool) -> Bool { answer || mayHaveHappened }
}

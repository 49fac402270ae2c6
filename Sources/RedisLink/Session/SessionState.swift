/// Where a session stands between two connections: which step comes next, and when to try again.
///
/// A value without a clock, socket or randomness.
struct SessionState {
    enum Phase: Hashable {
        /// Nothing has been asked of the session yet.
        case idle
        case resolving
        case connecting
        /// Connected, in the TLS handshake.
        case securing
        /// Connected; the owner is being asked for the credentials.
        case authorizing
        /// Connected; replies to the greeting are outstanding.
        case greeting
        case ready
        /// The last attempt failed; the next one waits for its timer.
        case waiting
        case closed
    }

    private(set) var phase = Phase.idle
    /// Counts the attempts, so that the late result of an abandoned one is recognised.
    private(set) var attempt = 0
    private var backoff: Backoff
    /// As it was when the connection became ready.
    private var backoffBefore: Backoff

    init(backoff: Backoff = Backoff()) {
        self.backoff = backoff
        backoffBefore = backoff
    }

    /// A command asks for a connection. Returns true to begin an attempt.
    ///
    /// A command does not shorten the wait after a failure: many callers of a server that is down, or that
    /// refuses their password, would cause a storm of attempts.
    mutating func begin() -> Bool {
        switch phase {
        case .idle:
            startAttempt()
            return true
        case .resolving, .connecting, .securing, .authorizing, .greeting, .ready, .waiting, .closed:
            return false
        }
    }

    /// The wait after a failure is over. Returns true to begin an attempt.
    mutating func retry() -> Bool {
        switch phase {
        case .waiting:
            startAttempt()
            return true
        case .idle, .resolving, .connecting, .securing, .authorizing, .greeting, .ready, .closed:
            return false
        }
    }

    private mutating func startAttempt() {
        phase = .resolving
        attempt += 1
    }

    /// Name resolution has a result for `attempt`. Returns true to use it.
    mutating func resolved(attempt: Int) -> Bool {
        guard phase == .resolving, attempt == self.attempt else { return false }
        phase = .connecting
        return true
    }

    /// The socket is connected, and TLS begins on it.
    mutating func secure() {
        precondition(phase == .connecting, "TLS began without a connection")
        phase = .securing
    }

    /// The connection is made, and the owner is asked for the credentials.
    mutating func authorize() {
        precondition(
            phase == .connecting || phase == .securing, "credentials were asked for without a connection")
        phase = .authorizing
    }

    /// The owner has answered for `attempt`. Returns true to use the answer.
    func isAuthorizing(attempt: Int) -> Bool {
        phase == .authorizing && attempt == self.attempt
    }

    /// The connection is made, and the greeting begins.
    mutating func greet() {
        precondition(
            phase == .connecting || phase == .securing || phase == .authorizing,
            "a socket connected that nobody was connecting")
        phase = .greeting
    }

    /// The last reply to the greeting was good: the session is ready.
    mutating func greeted() {
        precondition(phase == .greeting, "a reply to the greeting came outside the greeting")
        phase = .ready
        backoffBefore = backoff
        backoff.succeeded()
    }

    /// The attempt or the connection failed. Returns the wait before the next attempt.
    ///
    /// - Parameter unfit: the connection was up, but to a server that cannot serve us: the waits keep growing
    ///   as if it had not been up, or we would connect again and again to a server that stays unfit.
    mutating func failed(random: Double, unfit: Bool = false) -> Duration? {
        if unfit, phase == .ready { backoff = backoffBefore }
        switch phase {
        case .resolving, .connecting, .securing, .authorizing, .greeting, .ready:
            phase = .waiting
            return backoff.failed(random: random)
        case .idle, .waiting, .closed:
            return nil
        }
    }

    mutating func close() {
        phase = .closed
    }
}

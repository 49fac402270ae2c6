/// Where a session stands between two connections: which step comes next, and when to try again.
///
/// A value without clock, socket or randomness.
struct SessionState {
    enum Phase: Hashable {
        /// Nothing was asked of the session yet.
        case idle
        case resolving
        case connecting
        /// Connected, in the TLS handshake.
        case securing
        /// Connected; the owner is asked who we are.
        case authorizing
        /// Connected; replies of the greeting are still to come.
        case greeting
        case ready
        /// The last attempt failed; the next one waits for its timer.
        case waiting
        case closed
    }

    private(set) var phase = Phase.idle
    /// Counts the attempts, so that the late result of an abandoned one is known as such.
    private(set) var attempt = 0
    private var backoff: Backoff
    /// As it was when the connection became ready.
    private var backoffBefore: Backoff

    init(backoff: Backoff = Backoff()) {
        self.backoff = backoff
        backoffBefore = backoff
    }

    /// Asked to connect by a command. True: begin an attempt.
    ///
    /// A command does not shorten the wait after a failure: many callers of a server that is down, or that
    /// refuses their password, would make a storm of attempts out of it.
    mutating func begin() -> Bool {
        switch phase {
        case .idle:
            startAttempt()
            return true
        case .resolving, .connecting, .securing, .authorizing, .greeting, .ready, .waiting, .closed:
            return false
        }
    }

    /// The wait after a failure is over. True: begin an attempt.
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

    /// The name service answered for `attempt`. True: connect to what it said.
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

    /// The connection stands, and the owner is asked for the credentials.
    mutating func authorize() {
        precondition(
            phase == .connecting || phase == .securing, "credentials were asked for without a connection")
        phase = .authorizing
    }

    /// The owner answered for `attempt`. True: go on with what it said.
    func isAuthorizing(attempt: Int) -> Bool {
        phase == .authorizing && attempt == self.attempt
    }

    /// The connection stands, and the greeting begins.
    mutating func greet() {
        precondition(
            phase == .connecting || phase == .securing || phase == .authorizing,
            "a socket connected that nobody was connecting")
        phase = .greeting
    }

    /// The last reply of the greeting was good: the session is ready.
    mutating func greeted() {
        precondition(phase == .greeting, "a reply to the greeting came outside the greeting")
        phase = .ready
        backoffBefore = backoff
        backoff.succeeded()
    }

    /// The attempt or the connection failed. Returns the wait before the next attempt.
    ///
    /// - Parameter unfit: the connection stood, but to a server that cannot serve us: its waits go on growing
    ///   as if it had not stood, or a server that stays so would be connected to again and again.
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

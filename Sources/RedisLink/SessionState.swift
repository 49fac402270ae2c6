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
        /// Connected; so many replies of the greeting are still to come.
        case greeting(awaiting: Int)
        case ready
        /// The last attempt failed; the next one waits for its timer.
        case waiting
        case closed
    }

    private(set) var phase = Phase.idle
    /// Counts the attempts, so that the late result of an abandoned one is known as such.
    private(set) var attempt = 0
    private var backoff: Backoff

    init(backoff: Backoff = Backoff()) {
        self.backoff = backoff
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
        case .resolving, .connecting, .securing, .greeting, .ready, .waiting, .closed:
            return false
        }
    }

    /// The wait after a failure is over. True: begin an attempt.
    mutating func retry() -> Bool {
        switch phase {
        case .waiting:
            startAttempt()
            return true
        case .idle, .resolving, .connecting, .securing, .greeting, .ready, .closed:
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

    /// The connection stands, and the greeting (authentication, database, name) has `commands` commands.
    /// True: the session is ready at once.
    mutating func connected(greeting commands: Int) -> Bool {
        precondition(
            phase == .connecting || phase == .securing, "a socket connected that nobody was connecting")
        phase = commands == 0 ? .ready : .greeting(awaiting: commands)
        if commands == 0 { backoff.succeeded() }
        return commands == 0
    }

    /// One command of the greeting was answered well. True: that was the last, the session is ready.
    mutating func greeted() -> Bool {
        guard case .greeting(let awaiting) = phase else {
            preconditionFailure("a reply to the greeting came outside the greeting")
        }
        phase = awaiting == 1 ? .ready : .greeting(awaiting: awaiting - 1)
        if awaiting == 1 { backoff.succeeded() }
        return awaiting == 1
    }

    /// The attempt or the connection failed. Returns the wait before the next attempt.
    mutating func failed(random: Double) -> Duration? {
        switch phase {
        case .resolving, .connecting, .securing, .greeting, .ready:
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

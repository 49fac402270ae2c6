import Synchronization

/// The actor of one connection: hands commands to the session, and replies to the tasks that wait for them.
///
/// Its executor is the link's ``LinkThread``. Callers do not enter the actor to send: they hand the thread a
/// call, which takes part in the next turn, and continue where they were when the reply resumes them. That
/// saves two of the three jobs that calling an actor's method costs.
actor RedisConnection: LinkActor, SessionDelegate {
    nonisolated let thread: LinkThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let configuration: RedisConfiguration
    private let session: Session
    @exclusivity(unchecked) private var requests: Requests
    private var texts = ScriptTexts()
    private var connecting: [UInt64: UnsafeContinuation<Result<Void, RedisError>, Never>] = [:]
    private var lastFailure: RedisError?
    private var outage = Outage()
    private let observe: LinkObserver
    /// How many replies cannot have belonged to their commands.
    private var misplacedReplies = 0
    private nonisolated let lastID = Atomic<UInt64>(0)
    nonisolated let cancellations = Cancellations()
    private var expiry: LinkThread.TimerID?
    @exclusivity(unchecked) private var expiresAt: Moment?
    private var isClosed = false
    /// Why the server at the other end cannot serve us: nothing more is sent to it, and when every reply that
    /// is owed has arrived, the owner is notified. See ``ErrorReply/Rule``.
    private var unfitness: String?
    private weak var owner: (any ConnectionOwner)?
    /// How many commands are resting, for tests.
    var restingCount: Int { requests.restingCount }

    init(configuration: RedisConfiguration, thread: LinkThread, observe: @escaping LinkObserver) {
        self.observe = observe
        self.configuration = configuration
        self.thread = thread
        requests = Requests(server: configuration.endpoint.description)
        session = Session(configuration: configuration, thread: thread, listens: false)
        session.delegate = self
    }

    // MARK: Asked by callers

    /// The state of the connection, without asking the server.
    var health: ConnectionHealth {
        ConnectionHealth(
            isConnected: session.isReady && unfitness == nil, lastReply: session.lastReceived,
            replyOwedSince: requests.owedSince, lastFailure: lastFailure,
            misplacedReplies: misplacedReplies)
    }

    /// Sets whom to notify when the server cannot serve us.
    func report(to owner: any ConnectionOwner) {
        self.owner = owner
    }

    /// Sends a command; `completion` is called with its reply on the connection's thread. For callers on that
    /// thread.
    func send(
        _ command: RedisCommand, timeout: Duration? = nil,
        completion: @escaping @Sendable (RedisResult) -> Void
    ) {
        submit(command, id: takeID(), timeout: timeout, .call(completion))
    }

    /// Fails every command and ends the connection. Commands already sent have an unknown outcome.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        session.close()
        let error = closedError
        for unanswered in requests.takeAll() {
            guard case .sent = unanswered.place else {
                finish(unanswered.request, .failure(error))
                continue
            }
            finish(unanswered.request, .failure(RedisError(.closed, delivery: .unknown, error.message)))
        }
        finishConnecting(.failure(error))
    }

    // MARK: Commands

    nonisolated func takeID() -> UInt64 {
        lastID.wrappingAdd(1, ordering: .relaxed).newValue
    }

    func connect(_ id: UInt64, _ continuation: UnsafeContinuation<Result<Void, RedisError>, Never>) {
        guard !isClosed else { return continuation.resume(returning: .failure(closedError)) }
        guard !cancellations.contains(id) else {
            return continuation.resume(returning: .failure(Self.cancelled(.notDelivered)))
        }
        guard !session.isReady else { return continuation.resume(returning: .success(())) }
        // Registered first, because an attempt may fail at once.
        connecting[id] = continuation
        session.open()
    }

    func submit(
        _ command: consuming RedisCommand, id: UInt64, timeout: Duration?,
        _ completion: consuming Request.Completion
    ) {
        guard !isClosed else { return completion(.failure(closedError)) }
        guard !cancellations.contains(id) else {
            return completion(.failure(Self.cancelled(.notDelivered)))
        }
        let deadline = thread.now + (timeout ?? configuration.commandTimeout)
        transmit(Request(id: id, command: command, completion: completion, deadline: deadline))
        expire(by: deadline)
    }

    /// Writes a command, and returns the offset of its last byte; or keeps it until the connection is up.
    @discardableResult
    private func transmit(_ request: consuming Request) -> UInt64? {
        if session.isReady, unfitness == nil { return write(request) }
        requests.wait(request)
        session.open()
        return nil
    }

    @discardableResult
    private func write(_ request: consuming Request) -> UInt64 {
        let end = session.append(request.command)
        requests.sent(request, at: thread.now, end: end)
        return end
    }

    private func finish(_ request: Request, _ result: RedisResult) {
        requests.ended(request.id)
        request.completion(result)
    }

    func cancel(_ id: UInt64) {
        if let continuation = connecting.removeValue(forKey: id) {
            continuation.resume(returning: .failure(Self.cancelled(.notDelivered)))
        } else if let unanswered = requests.cancel(id) {
            finish(unanswered.request, .failure(Self.cancelled(unanswered.delivery)))
        }
    }

    // MARK: Error replies

    /// Follows the rule for an error reply.
    ///
    /// - Parameter end: the offset of the last byte of the command that was refused.
    private func refused(_ request: Request, _ reply: ErrorReply, at end: UInt64) {
        if reply.kind == "NOSCRIPT", let script = request.command.script {
            return resend(request, with: script, refusedAt: end)
        }
        if reply.rule.needsNewConnection { unfitness = reply.text }
        let error = RedisError(reply)
        guard reply.rule.isRepeated else { return finish(request, .failure(error)) }
        switch requests.refused(request, error, at: .now, random: .random(in: 0..<1)) {
        case .failure(let error): finish(request, .failure(error))
        case .success(let pause): sendAgain(request.id, after: pause)
        }
    }

    /// The server does not know the script of a call, and has not executed it: the call may be sent again,
    /// within the same deadline.
    private func resend(_ request: Request, with script: RedisScript, refusedAt end: UInt64) {
        var request = request
        if texts.follow(request, of: script, refusedAt: end) {
            request.followsText = true
            transmit(request)
        } else {
            request.command = request.command.bringing(script)
            texts.brought(script, upTo: transmit(request))
        }
    }

    private func sendAgain(_ id: UInt64, after pause: Duration) {
        _ = thread.schedule(at: .now + pause) { [weak self] in
            self?.inTurn { connection in
                guard let request = connection.requests.rested(id) else { return }
                connection.transmit(request)
                connection.expire(by: request.deadline)
            }
        }
    }

    /// Reconnects by name: after a failover another server may answer to it.
    func leave(_ unfitness: String) {
        session.fail(
            RedisError(
                .connectionLost, delivery: .unknown,
                "\(configuration.endpoint) cannot serve us: \(unfitness)"),
            unfit: true)
    }

    // MARK: Deadlines

    /// One timer for all deadlines. It is set to the earliest known when it was set and never moved back, so
    /// steady traffic touches it once in a command timeout.
    private func expire(by deadline: ContinuousClock.Instant) {
        let moment = Moment(wrappedValue: deadline)
        if let expiresAt, expiresAt <= moment { return }
        if let expiry { thread.cancel(expiry) }
        expiresAt = moment
        expiry = thread.schedule(at: deadline) { [weak self] in
            self?.inTurn { $0.expireDue() }
        }
    }

    private func expireDue() {
        expiry = nil
        expiresAt = nil
        let now = ContinuousClock.now
        for late in requests.expire(at: now) { finish(late.request, .failure(timeoutError(late))) }
        // A connection that has owed a reply for a whole command timeout and has brought nothing at all is
        // dead, even if the system has not noticed. The reply may be owed to a command that timed out long
        // ago: commands whose own timeout is shorter must not keep a dead connection alive.
        if let silentSince, now - silentSince >= configuration.commandTimeout {
            session.fail(
                RedisError(
                    .connectionLost, delivery: .unknown,
                    "nothing was received from \(configuration.endpoint) for \((now - silentSince).text)"))
        }
        let silentUntil = silentSince.map { $0 + configuration.commandTimeout }
        if let next = [requests.earliestDeadline, silentUntil].compactMap(\.self).min() { expire(by: next) }
    }

    /// Since when the server has owed a reply and sent nothing at all.
    private var silentSince: ContinuousClock.Instant? {
        requests.owedSince.map { max($0, session.lastReceived ?? $0) }
    }

    // MARK: SessionDelegate, called in turns of the thread

    nonisolated func sessionIsReady() {
        inTurn { $0.becameReady() }
    }

    nonisolated func sessionReceived(_ value: RedisValue) {
        inTurn { $0.received(value) }
    }

    nonisolated func sessionFailed(_ error: RedisError, sent: UInt64) {
        inTurn { $0.failed(error, sent: sent) }
    }

    private func becameReady() {
        lastFailure = nil
        while let request = requests.nextWaiting() { write(request) }
        finishConnecting(.success(()))
    }

    private func received(_ value: RedisValue) {
        // The caller gets its reply before the connection is given up.
        defer { if let unfitness, requests.owesNothing { owner?.serverIsUnfit(unfitness, for: .commands) } }
        guard let entry = requests.replied(sent: session.sent) else {
            // There is no way to know any more which command this reply belongs to, nor any later one.
            let unexpected = value.errorText ?? "a reply that no command asked for"
            if value.errorText == nil { noteMisplaced(unexpected) }
            return session.fail(
                RedisError(.connectionLost, delivery: .unknown, "the server sent \(unexpected)"))
        }
        guard let request = entry.completion else { return }
        if case .error(let text) = value {
            refused(request, ErrorReply(text), at: entry.end)
        } else if !request.command.check.accepts(value) {
            misplaced(request)
        } else {
            if outage.isTold { noteRecovery() }
            finish(request, .success(RedisReply(value: value, sentAt: entry.sentAt)))
        }
    }

    /// Something on the way swapped or duplicated replies: from here on none can be trusted.
    private func misplaced(_ request: Request) {
        let what = "a reply that belongs to another command"
        noteMisplaced(what)
        let error = RedisError(
            .protocolViolation, delivery: .unknown, "\(configuration.endpoint) sent \(what)")
        finish(request, .failure(error))
        session.fail(error)
    }

    private func noteMisplaced(_ what: String) {
        misplacedReplies += 1
        guard misplacedReplies == 1 else { return }
        observe(.misplacedReply(server: "\(configuration.endpoint)", what: what))
    }

    private func failed(_ error: RedisError, sent: UInt64) {
        if outage.failed(error) { observe(.failed(error)) }
        lastFailure = error
        unfitness = nil
        texts.connectionEnded()
        for (request, delivery) in requests.connectionEnded(sent: sent) {
            finish(request, .failure(RedisError(error.code, delivery: delivery, error.message)))
        }
        // To keep waiting would only repeat the refusal.
        if error.needsMending {
            for unanswered in requests.takeWaiting() { finish(unanswered.request, .failure(error)) }
        }
        finishConnecting(.failure(error))
    }

    private func noteRecovery() {
        outage.answered()
        observe(.answersAgain(server: "\(configuration.endpoint)"))
    }

    private func finishConnecting(_ result: Result<Void, RedisError>) {
        let waiting = connecting
        connecting = [:]
        for continuation in waiting.values { continuation.resume(returning: result) }
    }

    // MARK: Errors

    private static func cancelled(_ delivery: RedisError.Delivery) -> RedisError {
        RedisError(.cancelled, delivery: delivery, "the task was cancelled")
    }

    private func timeoutError(_ late: Requests.Unanswered) -> RedisError {
        let reason: String
        switch late.place {
        case .sent: reason = "no reply in time"
        // All that is known about a command that was refused before is what the server said.
        case .refused(let repetition): return repetition.failure
        case .waiting:
            reason = lastFailure.map { "no connection in time: \($0.message)" } ?? "no connection in time"
        }
        return RedisError(.timeout, delivery: late.delivery, "\(configuration.endpoint): \(reason)")
    }

    private var closedError: RedisError {
        RedisError(.closed, delivery: .notDelivered, "the link to \(configuration.endpoint) is closed")
    }
}

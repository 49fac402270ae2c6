internal import DequeModule

/// The actor of one connection: hands commands to the session, and replies to the tasks that wait for them.
///
/// Its executor is the connection's own ``LinkThread``. Another actor on the same executor calls it without a
/// hop.
package actor RedisConnection: SessionDelegate {
    package typealias Result = Swift.Result<RedisReply, RedisError>

    private enum Completion {
        case task(UnsafeContinuation<Result, Never>)
        case call(@Sendable (Result) -> Void)

        func callAsFunction(_ result: Result) {
            switch self {
            case .task(let continuation): continuation.resume(returning: result)
            case .call(let call): call(result)
            }
        }
    }

    /// A command that waits for a connection.
    private struct Unsent {
        var id: UInt64
        var command: [RedisArgument]
        var completion: Completion
        var deadline: ContinuousClock.Instant
    }

    package nonisolated let thread: LinkThread
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    let configuration: RedisConfiguration
    let session: Session
    private var unsent = Deque<Unsent>()
    private var pending = PendingReplies<Completion>()
    private var connecting: [UInt64: UnsafeContinuation<Swift.Result<Void, RedisError>, Never>] = [:]
    private var lastFailure: RedisError?
    private var nextID: UInt64 = 0
    private var expiry: (timer: LinkThread.TimerID, at: ContinuousClock.Instant)?
    private(set) var isClosed = false
    /// Why the server cannot serve us, with such a one: nothing more is sent on this connection, and when every reply that is owed
    /// has come, it is made anew.
    var unfitness: String?
    /// Commands that wait for their next try, see ``rest(_:until:)``.
    var resting: [UInt64: Rest] = [:]

    init(configuration: RedisConfiguration, thread: LinkThread) {
        self.configuration = configuration
        self.thread = thread
        session = Session(configuration: configuration, thread: thread)
        session.delegate = self
    }

    // MARK: Asked by callers

    /// How the connection is, without asking the server.
    package var health: ConnectionHealth {
        ConnectionHealth(
            isConnected: session.isReady && unfitness == nil, lastReply: session.lastReceived,
            replyOwedSince: pending.owedSince, lastFailure: lastFailure)
    }

    /// Waits until the connection stands, or for the next attempt's failure.
    package func connect() async throws(RedisError) {
        guard !isClosed else { throw closedError }
        guard !session.isReady else { return }
        let id = takeID()
        // As in `send`.
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation {
                (continuation: UnsafeContinuation<Swift.Result<Void, RedisError>, Never>) in
                guard !Task.isCancelled else {
                    return continuation.resume(returning: .failure(Self.cancelled(.notDelivered)))
                }
                // Registered first, because an attempt may fail at once.
                connecting[id] = continuation
                session.open()
            }
        } onCancel: {
            thread.submit { self.assumeIsolated { $0.cancel(id) } }
        }
        try result.get()
    }

    /// Sends a command and waits for its reply. Cancelling the task ends the wait, not the command: unless it
    /// had not left yet, the error's delivery is then unknown.
    package func send(_ command: [RedisArgument], timeout: Duration? = nil) async throws(RedisError)
        -> RedisReply
    {
        let result = await sendOnce(command, timeout: timeout)
        guard case .failure(let error) = result, error.repeatableUntil != nil else { return try result.get() }
        return try await sendAgain(command, after: error)
    }

    /// One try of a command, whatever the server answers.
    func sendOnce(_ command: [RedisArgument], timeout: Duration?) async -> Result {
        let id = takeID()
        // Looked at and registered inside one job. A cancellation is submitted to the same thread: one that
        // comes after the look runs after this job, and finds the command registered. (Between the lines
        // above and here other jobs may run, because a task with an executor preference is enqueued anew.)
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Result, Never>) in
                guard !Task.isCancelled else {
                    return continuation.resume(returning: .failure(Self.cancelled(.notDelivered)))
                }
                submit(command, id: id, timeout: timeout, .task(continuation))
            }
        } onCancel: {
            thread.submit { self.assumeIsolated { $0.cancel(id) } }
        }
    }

    /// Sends a command; `completion` is called with its reply on the connection's thread.
    package func send(
        _ command: [RedisArgument], timeout: Duration? = nil, completion: @escaping @Sendable (Result) -> Void
    ) {
        sendOnce(command, timeout: timeout) { result in
            guard case .failure(let error) = result, error.repeatableUntil != nil else {
                return completion(result)
            }
            self.assumeIsolated { $0.sendAgain(command, after: error, completion: completion) }
        }
    }

    /// One try of a command, whatever the server answers.
    func sendOnce(
        _ command: [RedisArgument], timeout: Duration?, completion: @escaping @Sendable (Result) -> Void
    ) {
        submit(command, id: takeID(), timeout: timeout, .call(completion))
    }

    /// Runs a script by its digest. A server that does not know it has not run it, so it is sent whole then.
    package func evaluate(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        let deadline = ContinuousClock.now + (timeout ?? configuration.commandTimeout)
        do {
            return try await send(script.byDigest(keys, arguments), timeout: timeout)
        } catch let error where error.replyKind == "NOSCRIPT" {
            do {
                return try await send(script.whole(keys, arguments), timeout: deadline - .now)
            } catch {
                throw error.naming(script, keys: keys)
            }
        } catch {
            throw error.naming(script, keys: keys)
        }
    }

    /// As ``evaluate(_:keys:arguments:timeout:)``, for callers on the connection's thread.
    package func evaluate(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], timeout: Duration? = nil,
        completion: @escaping @Sendable (Result) -> Void
    ) {
        let deadline = ContinuousClock.now + (timeout ?? configuration.commandTimeout)
        sendOnce(script.byDigest(keys, arguments), timeout: timeout) { result in
            guard case .failure(let error) = result else { return completion(result) }
            let evaluation = Evaluation(script: script, keys: keys, arguments: arguments, deadline: deadline)
            self.assumeIsolated { $0.failed(evaluation, error, completion) }
        }
    }

    /// Fails every command and ends the connection. Commands already sent have an unknown outcome.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        session.close()
        let error = closedError
        for (completion, _) in pending.end(sent: .max) {
            completion(.failure(RedisError(.closed, delivery: .unknown, error.message)))
        }
        failUnsent(error)
        for id in resting.keys { endRest(id, error) }
        finishConnecting(.failure(error))
    }

    // MARK: Commands

    func takeID() -> UInt64 {
        nextID += 1
        return nextID
    }

    private func submit(_ command: [RedisArgument], id: UInt64, timeout: Duration?, _ completion: Completion)
    {
        guard !isClosed else { return completion(.failure(closedError)) }
        let now = ContinuousClock.now
        let deadline = now + (timeout ?? configuration.commandTimeout)
        if session.isReady, unfitness == nil {
            write(command, id: id, completion, at: now, deadline: deadline)
        } else {
            unsent.append(Unsent(id: id, command: command, completion: completion, deadline: deadline))
            session.open()
        }
        expire(by: deadline)
    }

    private func write(
        _ command: [RedisArgument], id: UInt64, _ completion: Completion, at now: ContinuousClock.Instant,
        deadline: ContinuousClock.Instant
    ) {
        let end = session.append(command)
        pending.append(.init(id: id, completion: completion, sentAt: now, deadline: deadline, end: end))
    }

    func cancel(_ id: UInt64) {
        if let continuation = connecting.removeValue(forKey: id) {
            continuation.resume(returning: .failure(Self.cancelled(.notDelivered)))
        } else if let index = unsent.firstIndex(where: { $0.id == id }) {
            unsent.remove(at: index).completion(.failure(Self.cancelled(.notDelivered)))
        } else if resting[id] != nil {
            endRest(id, Self.cancelled(.refused))
        } else {
            pending.withdraw(id)?(.failure(Self.cancelled(.unknown)))
        }
    }

    // MARK: Deadlines

    /// One timer for all deadlines. It is set to the earliest known when it was set and never moved back, so
    /// steady traffic touches it once in a command timeout.
    private func expire(by deadline: ContinuousClock.Instant) {
        if let expiry, expiry.at <= deadline { return }
        if let expiry { thread.cancel(expiry.timer) }
        let timer = thread.schedule(at: deadline) { [weak self] in
            self?.assumeIsolated { $0.expireDue() }
        }
        expiry = (timer, deadline)
    }

    private func expireDue() {
        expiry = nil
        let now = ContinuousClock.now
        let late = pending.expire(at: now)
        for (completion, _) in late {
            completion(.failure(timeoutError(.unknown, "no reply in time")))
        }
        while let index = unsent.firstIndex(where: { $0.deadline <= now }) {
            let reason = lastFailure.map { "no connection in time: \($0.message)" } ?? "no connection in time"
            unsent.remove(at: index).completion(.failure(timeoutError(.notDelivered, reason)))
        }
        // A connection that owes a reply for a whole command timeout and brought nothing at all is dead, even
        // if the system has not noticed. The reply may be owed to a command that timed out long ago: commands
        // whose own timeout is shorter must not keep a dead connection alive.
        if !late.isEmpty || unfitness != nil, let owedSince = pending.owedSince {
            let silence = now - max(owedSince, session.lastReceived ?? owedSince)
            if silence >= configuration.commandTimeout {
                session.fail(
                    RedisError(
                        .connectionLost, delivery: .unknown,
                        "nothing was received from \(configuration.endpoint) for \(silence)"))
            }
        }
        let next = [pending.earliestDeadline, unsent.lazy.map(\.deadline).min()].compactMap { $0 }.min()
        if let next { expire(by: next) }
    }

    // MARK: SessionDelegate, called in turns of the thread

    nonisolated func sessionIsReady() {
        assumeIsolated { $0.becameReady() }
    }

    nonisolated func sessionReceived(_ value: RedisValue) {
        assumeIsolated { $0.received(value) }
    }

    nonisolated func sessionFailed(_ error: RedisError, sent: UInt64) {
        assumeIsolated { $0.failed(error, sent: sent) }
    }

    private func becameReady() {
        lastFailure = nil
        let now = ContinuousClock.now
        while let next = unsent.popFirst() {
            write(next.command, id: next.id, next.completion, at: now, deadline: next.deadline)
        }
        finishConnecting(.success(()))
    }

    private func received(_ value: RedisValue) {
        // Whoever waits is told of its reply before the connection is given up.
        defer { if let unfitness, pending.isEmpty { leave(unfitness) } }
        guard let entry = pending.replied() else {
            // Whose reply this is cannot be known any more, nor whose the next ones will be.
            let unexpected = value.errorText ?? "a reply that no command asked for"
            return session.fail(
                RedisError(.connectionLost, delivery: .unknown, "the server sent \(unexpected)"))
        }
        guard let completion = entry.completion else { return }
        if case .error(let text) = value {
            completion(.failure(refusal(ErrorReply(text), deadline: entry.deadline)))
        } else {
            completion(.success(RedisReply(value: value, sentAt: entry.sentAt)))
        }
    }

    private func failed(_ error: RedisError, sent: UInt64) {
        lastFailure = error
        unfitness = nil
        for (completion, delivery) in pending.end(sent: sent) {
            completion(.failure(RedisError(error.code, delivery: delivery, error.message)))
        }
        // Waiting on would only repeat the refusal.
        if error.isRefusalOfUs { failUnsent(error) }
        finishConnecting(.failure(error))
    }

    private func failUnsent(_ error: RedisError) {
        let waiting = unsent
        unsent.removeAll()
        for command in waiting { command.completion(.failure(error)) }
    }

    private func finishConnecting(_ result: Swift.Result<Void, RedisError>) {
        let waiting = connecting
        connecting = [:]
        for continuation in waiting.values { continuation.resume(returning: result) }
    }

    // MARK: Errors

    static func cancelled(_ delivery: RedisError.Delivery) -> RedisError {
        RedisError(.cancelled, delivery: delivery, "the task was cancelled")
    }

    private func timeoutError(_ delivery: RedisError.Delivery, _ reason: String) -> RedisError {
        RedisError(.timeout, delivery: delivery, "\(configuration.endpoint): \(reason)")
    }

    var closedError: RedisError {
        RedisError(.closed, delivery: .notDelivered, "the link to \(configuration.endpoint) is closed")
    }
}

extension RedisScript {
    func byDigest(_ keys: [String], _ arguments: [RedisArgument]) -> [RedisArgument] {
        ["EVALSHA", .string(digest), RedisArgument(keys.count)] + keys.map(RedisArgument.string) + arguments
    }

    func whole(_ keys: [String], _ arguments: [RedisArgument]) -> [RedisArgument] {
        ["EVAL", .string(source), RedisArgument(keys.count)] + keys.map(RedisArgument.string) + arguments
    }
}

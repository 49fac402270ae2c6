internal import DequeModule
import Synchronization

/// The actor of one connection: hands commands to the session, and replies to the tasks that wait for them.
///
/// Its executor is the connection's own ``LinkThread``. Callers do not enter the actor to send: they hand the
/// thread a call, which takes part in the next turn, and go on where they were when the reply resumes them.
/// That saves two of the three jobs that a call of an actor's method costs.
package actor RedisConnection: LinkActor, SessionDelegate {
    package enum Result: Sendable {
        case success(RedisReply)
        // Out of line: the usual result is moved about as a few words.
        indirect case failure(RedisError)

        package func get() throws(RedisError) -> RedisReply {
            switch self {
            case .success(let reply): return reply
            case .failure(let error): throw error
            }
        }
    }

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
        var command: RedisCommand
        var completion: Completion
        var deadline: ContinuousClock.Instant
    }

    package nonisolated let thread: LinkThread
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let configuration: RedisConfiguration
    private let session: Session
    @exclusivity(unchecked) private var unsent = Deque<Unsent>()
    @exclusivity(unchecked) private var pending = PendingReplies<Completion>()
    private var connecting: [UInt64: UnsafeContinuation<Swift.Result<Void, RedisError>, Never>] = [:]
    private var lastFailure: RedisError?
    private nonisolated let lastID = Atomic<UInt64>(0)
    /// What was cancelled and has not ended yet. The cancellation may reach the thread before the command.
    private nonisolated let withdrawn = Mutex<Set<UInt64>>([])
    private nonisolated let withdrawnCount = Atomic<Int>(0)
    @exclusivity(unchecked) private var expiry: (timer: LinkThread.TimerID, at: ContinuousClock.Instant)?
    private var isClosed = false

    init(configuration: RedisConfiguration, thread: LinkThread) {
        self.configuration = configuration
        self.thread = thread
        session = Session(configuration: configuration, thread: thread)
        session.delegate = self
    }

    // MARK: Asked by callers

    /// Waits until the connection stands, or for the next attempt's failure.
    package nonisolated(nonsending) func connect() async throws(RedisError) {
        let result = await withID { id in
            await withUnsafeContinuation { continuation in
                perform { $0.connect(id, continuation) }
            }
        }
        try result.get()
    }

    /// Sends a command and waits for its reply. Cancelling the task ends the wait, not the command: unless it
    /// had not left yet, the error's delivery is then unknown.
    package nonisolated(nonsending) func send(
        _ command: RedisCommand, timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        let result = await withID { id in
            await withUnsafeContinuation { continuation in
                perform { $0.submit(command, id: id, timeout: timeout, .task(continuation)) }
            }
        }
        return try result.get()
    }

    /// Has `operation` cancelled by its id, at the latest when it reaches the thread.
    private nonisolated(nonsending) func withID<R>(_ operation: (UInt64) async -> R) async -> R {
        let id = takeID()
        let result = await withTaskCancellationHandler {
            await operation(id)
        } onCancel: {
            withdrawn.withLock { _ = $0.insert(id) }
            withdrawnCount.add(1, ordering: .releasing)
            thread.submit { self.inTurn { $0.cancel(id) } }
        }
        // The handler is through, or will never run.
        if isWithdrawn(id) {
            withdrawn.withLock { _ = $0.remove(id) }
            withdrawnCount.subtract(1, ordering: .releasing)
        }
        return result
    }

    private nonisolated func isWithdrawn(_ id: UInt64) -> Bool {
        withdrawnCount.load(ordering: .acquiring) > 0 && withdrawn.withLock { $0.contains(id) }
    }

    /// Sends a command; `completion` is called with its reply on the connection's thread. For callers on that
    /// thread.
    package func send(
        _ command: RedisCommand, timeout: Duration? = nil, completion: @escaping @Sendable (Result) -> Void
    ) {
        submit(command, id: takeID(), timeout: timeout, .call(completion))
    }

    /// Runs a script by its digest. A server that does not know it has not run it, so it is sent whole then.
    package nonisolated(nonsending) func evaluate(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        let deadline = ContinuousClock.now + (timeout ?? configuration.commandTimeout)
        do {
            return try await send(
                RedisCommand(script, keys: keys, arguments: arguments), timeout: timeout)
        } catch let error where error.replyKind == "NOSCRIPT" {
            return try await send(
                RedisCommand(whole: script, keys: keys, arguments: arguments), timeout: deadline - .now)
        }
    }

    /// As ``evaluate(_:keys:arguments:timeout:)``, not interrupted by cancellation.
    package nonisolated(nonsending) func evaluateShielded(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        let deadline = ContinuousClock.now + (timeout ?? configuration.commandTimeout)
        do {
            return try await sendShielded(
                RedisCommand(script, keys: keys, arguments: arguments), timeout: timeout)
        } catch let error where error.replyKind == "NOSCRIPT" {
            return try await sendShielded(
                RedisCommand(whole: script, keys: keys, arguments: arguments), timeout: deadline - .now)
        }
    }

    private nonisolated(nonsending) func sendShielded(
        _ command: RedisCommand, timeout: Duration?
    ) async throws(RedisError) -> RedisReply {
        let result = await withUnsafeContinuation { (continuation: UnsafeContinuation<Result, Never>) in
            perform { $0.submit(command, id: $0.takeID(), timeout: timeout, .task(continuation)) }
        }
        return try result.get()
    }

    /// As ``evaluate(_:keys:arguments:timeout:)``, for callers on the connection's thread.
    package func evaluate(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], timeout: Duration? = nil,
        completion: @escaping @Sendable (Result) -> Void
    ) {
        let deadline = thread.now + (timeout ?? configuration.commandTimeout)
        let command = RedisCommand(script, keys: keys, arguments: arguments)
        send(command, timeout: timeout) { result in
            guard case .failure(let error) = result, error.replyKind == "NOSCRIPT" else {
                return completion(result)
            }
            self.inTurn {
                $0.send(
                    RedisCommand(whole: script, keys: keys, arguments: arguments), timeout: deadline - .now,
                    completion: completion)
            }
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
        finishConnecting(.failure(error))
    }

    // MARK: Commands

    private nonisolated func takeID() -> UInt64 {
        lastID.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// Runs `work` in a turn of the thread, now if this is one.
    @inline(__always)
    private nonisolated func perform(_ work: @escaping @Sendable (isolated RedisConnection) -> Void) {
        if thread.isInTurn {
            inTurn(work)
        } else {
            thread.submit { self.inTurn(work) }
        }
    }

    private func connect(
        _ id: UInt64, _ continuation: UnsafeContinuation<Swift.Result<Void, RedisError>, Never>
    ) {
        guard !isClosed else { return continuation.resume(returning: .failure(closedError)) }
        guard !isWithdrawn(id) else {
            return continuation.resume(returning: .failure(Self.cancelled(.notDelivered)))
        }
        guard !session.isReady else { return continuation.resume(returning: .success(())) }
        // Registered first, because an attempt may fail at once.
        connecting[id] = continuation
        session.open()
    }

    private func submit(_ command: RedisCommand, id: UInt64, timeout: Duration?, _ completion: Completion) {
        guard !isClosed else { return completion(.failure(closedError)) }
        guard !isWithdrawn(id) else { return completion(.failure(Self.cancelled(.notDelivered))) }
        let now = thread.now
        let deadline = now + (timeout ?? configuration.commandTimeout)
        if session.isReady {
            write(command, id: id, completion, at: now, deadline: deadline)
        } else {
            unsent.append(Unsent(id: id, command: command, completion: completion, deadline: deadline))
            session.open()
        }
        expire(by: deadline)
    }

    private func write(
        _ command: RedisCommand, id: UInt64, _ completion: Completion, at now: ContinuousClock.Instant,
        deadline: ContinuousClock.Instant
    ) {
        let end = session.append(command)
        pending.append(.init(id: id, completion: completion, sentAt: now, deadline: deadline, end: end))
    }

    private func cancel(_ id: UInt64) {
        if let continuation = connecting.removeValue(forKey: id) {
            continuation.resume(returning: .failure(Self.cancelled(.notDelivered)))
        } else if let index = unsent.firstIndex(where: { $0.id == id }) {
            unsent.remove(at: index).completion(.failure(Self.cancelled(.notDelivered)))
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
            self?.inTurn { $0.expireDue() }
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
        if !late.isEmpty, let owedSince = pending.owedSince {
            let silence = now - max(owedSince, session.lastReceived)
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
        let now = thread.now
        while let next = unsent.popFirst() {
            write(next.command, id: next.id, next.completion, at: now, deadline: next.deadline)
        }
        finishConnecting(.success(()))
    }

    private func received(_ value: RedisValue) {
        guard let entry = pending.replied() else {
            // Whose reply this is cannot be known any more, nor whose the next ones will be.
            let unexpected = value.errorText ?? "a reply that no command asked for"
            return session.fail(
                RedisError(.connectionLost, delivery: .unknown, "the server sent \(unexpected)"))
        }
        guard let completion = entry.completion else { return }
        if case .error(let text) = value {
            completion(.failure(RedisError(reply: text)))
        } else {
            completion(.success(RedisReply(value: value, sentAt: entry.sentAt)))
        }
    }

    private func failed(_ error: RedisError, sent: UInt64) {
        lastFailure = error
        for (completion, delivery) in pending.end(sent: sent) {
            completion(.failure(RedisError(error.code, delivery: delivery, error.message)))
        }
        // Waiting on would only repeat the refusal.
        if error.needsMending { failUnsent(error) }
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

    private static func cancelled(_ delivery: RedisError.Delivery) -> RedisError {
        RedisError(.cancelled, delivery: delivery, "the task was cancelled")
    }

    private func timeoutError(_ delivery: RedisError.Delivery, _ reason: String) -> RedisError {
        RedisError(.timeout, delivery: delivery, "\(configuration.endpoint): \(reason)")
    }

    private var closedError: RedisError {
        RedisError(.closed, delivery: .notDelivered, "the link to \(configuration.endpoint) is closed")
    }
}

extension RedisValue {
    fileprivate var errorText: String? {
        guard case .error(let text) = self else { return nil }
        return text
    }
}

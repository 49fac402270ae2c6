internal import DequeModule
internal import Logging
import Synchronization

/// The actor of one connection: hands commands to the session, and replies to the tasks that wait for them.
///
/// Its executor is the link's ``LinkThread``. Callers do not enter the actor to send: they hand the
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

    /// A command with whoever waits for its reply.
    private struct Request {
        var id: UInt64
        var command: RedisCommand
        var completion: Completion
        @Moment var deadline: ContinuousClock.Instant
        /// Whether it was sent by its digest once more, behind another call that brought the script along.
        var followsText = false
    }

    /// A command that the server does not execute for the time being, between two tries.
    private struct Rest {
        var request: Request
        var timer: LinkThread.TimerID
    }

    package nonisolated let thread: LinkThread
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let configuration: RedisConfiguration
    private let session: Session
    @exclusivity(unchecked) private var unsent = Deque<Request>()
    @exclusivity(unchecked) private var pending = PendingReplies<Request>()
    private var connecting: [UInt64: UnsafeContinuation<Swift.Result<Void, RedisError>, Never>] = [:]
    private var lastFailure: RedisError?
    private var toldOutage: RedisError.Code?
    private let logger: Logger
    /// How many replies came that cannot be those to their commands.
    private var misplacedReplies = 0
    private nonisolated let lastID = Atomic<UInt64>(0)
    /// What was cancelled and has not ended yet. The cancellation may reach the thread before the command.
    private nonisolated let withdrawn = Mutex<Set<UInt64>>([])
    private nonisolated let withdrawnCount = Atomic<Int>(0)
    private var expiry: LinkThread.TimerID?
    @exclusivity(unchecked) private var expiresAt: Moment?
    private var isClosed = false
    /// Why the server at the other end cannot serve us: nothing more is sent to it, and when every reply that
    /// is owed has come, the connection is made anew. See ``ErrorReply/Rule``.
    private var unfitness: String?
    /// The connection for messages, once there is one. It leaves such a server, too: who listens there is told
    /// nothing by the server that commands go to from then on.
    private var subscriber: RedisSubscriber?
    /// The commands that were refused for the time being, from the first refusal on; and those of them that
    /// wait for their next try.
    private var repetitions: [UInt64: Repetition] = [:]
    private var resting: [UInt64: Rest] = [:]
    /// Up to where this connection's output has brought the texts of scripts that the server did not know.
    private var texts: [ObjectIdentifier: UInt64] = [:]
    /// How many commands wait for their next try.
    var restingCount: Int { resting.count }

    init(configuration: RedisConfiguration, thread: LinkThread, logger: Logger) {
        self.logger = logger
        self.configuration = configuration
        self.thread = thread
        session = Session(configuration: configuration, thread: thread, listens: false)
        session.delegate = self
    }

    // MARK: Asked by callers

    /// How the connection is, without asking the server.
    package var health: ConnectionHealth {
        ConnectionHealth(
            isConnected: session.isReady && unfitness == nil, lastReply: session.lastReceived,
            replyOwedSince: pending.owedSince, lastFailure: lastFailure,
            misplacedReplies: misplacedReplies)
    }

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
    @inline(__always)
    private nonisolated(nonsending) func withID<R>(
        _ operation: nonisolated(nonsending) (UInt64) async -> R
    ) async -> R {
        let id = takeID()
        let result = await withTaskCancellationHandler {
            await operation(id)
        } onCancel: {
            withdrawn.withLock { _ = $0.insert(id) }
            withdrawnCount.add(1, ordering: .releasing)
            thread.post { self.inTurn { $0.cancel(id) } }
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

    /// As ``send(_:timeout:)``, not interrupted by cancellation.
    package nonisolated(nonsending) func sendShielded(
        _ command: RedisCommand, timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        let result = await withUnsafeContinuation { (continuation: UnsafeContinuation<Result, Never>) in
            perform { $0.submit(command, id: $0.takeID(), timeout: timeout, .task(continuation)) }
        }
        return try result.get()
    }

    /// Fails every command and ends the connection. Commands already sent have an unknown outcome.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        session.close()
        let error = closedError
        for (request, _, _) in pending.end(sent: .max) {
            finish(request, .failure(RedisError(.closed, delivery: .unknown, error.message)))
        }
        failUnsent(error)
        for rest in resting.values {
            thread.cancel(rest.timer)
            finish(rest.request, .failure(error))
        }
        resting = [:]
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
        let deadline = thread.now + (timeout ?? configuration.commandTimeout)
        transmit(Request(id: id, command: command, completion: completion, deadline: deadline))
        expire(by: deadline)
    }

    /// Writes a command, and returns the offset of its last byte; or keeps it until the connection stands.
    @discardableResult
    private func transmit(_ request: Request) -> UInt64? {
        if session.isReady, unfitness == nil { return write(request) }
        unsent.append(request)
        session.open()
        return nil
    }

    @discardableResult
    private func write(_ request: Request) -> UInt64 {
        let end = session.append(request.command)
        pending.append(
            .init(
                id: request.id, completion: request, sentAt: thread.now, deadline: request.deadline, end: end)
        )
        return end
    }

    private func finish(_ request: Request, _ result: Result) {
        if !repetitions.isEmpty { repetitions[request.id] = nil }
        request.completion(result)
    }

    private func cancel(_ id: UInt64) {
        if let continuation = connecting.removeValue(forKey: id) {
            continuation.resume(returning: .failure(Self.cancelled(.notDelivered)))
        } else if let index = unsent.firstIndex(where: { $0.id == id }) {
            let delivery: RedisError.Delivery = repetitions[id] == nil ? .notDelivered : .refused
            finish(unsent.remove(at: index), .failure(Self.cancelled(delivery)))
        } else if let rest = resting.removeValue(forKey: id) {
            thread.cancel(rest.timer)
            finish(rest.request, .failure(Self.cancelled(.refused)))
        } else if let request = pending.withdraw(id) {
            finish(request, .failure(Self.cancelled(.unknown)))
        }
    }

    // MARK: Error replies

    /// The server does not know the script of a call, and has not executed it: it may be sent again, within the same
    /// deadline.
    ///
    /// One call brings the text along. The others that were under way by then were refused, too, and follow by digest:
    /// the server takes commands in order, so they come behind the text. One that is refused again has met another
    /// flush, or a text that was not taken, and brings it along itself.
    ///
    /// - Parameter end: the offset of the last byte of the call that was refused.
    private func resend(_ request: Request, with script: RedisScript, refusedAt end: UInt64) {
        var request = request
        let id = ObjectIdentifier(script)
        if !request.followsText, let text = texts[id], text > end {
            request.followsText = true
            transmit(request)
        } else {
            request.command = request.command.bringing(script)
            texts[id] = transmit(request)
        }
    }

    /// Does what the rule of an error reply says.
    private func refused(_ request: Request, _ reply: ErrorReply, at end: UInt64) {
        if reply.kind == "NOSCRIPT", let script = request.command.script {
            return resend(request, with: script, refusedAt: end)
        }
        if reply.rule.needsNewConnection { unfitness = reply.text }
        let error = RedisError(reply)
        guard reply.rule.isRepeated else { return finish(request, .failure(error)) }
        var repetition = Repetition(until: request.deadline, by: configuration.endpoint, error)
        if let earlier = repetitions[request.id] {
            repetition = earlier
            repetition.refused(error)
        }
        guard let pause = repetition.pause(at: .now, random: .random(in: 0..<1)) else {
            return finish(request, .failure(repetition.failure))
        }
        repetitions[request.id] = repetition
        let timer = thread.schedule(at: .now + pause) { [weak self] in
            self?.inTurn { connection in
                guard let rest = connection.resting.removeValue(forKey: request.id) else { return }
                connection.transmit(rest.request)
                connection.expire(by: rest.request.deadline)
            }
        }
        resting[request.id] = Rest(request: request, timer: timer)
    }

    /// Makes the connection anew, by name: after a failover another server may answer to it.
    private func leave(_ unfitness: String) {
        session.fail(
            RedisError(
                .connectionLost, delivery: .unknown,
                "\(configuration.endpoint) cannot serve us: \(unfitness)"),
            unfit: true)
        subscriber?.inTurn { $0.leave(unfitness) }
    }

    func accompany(_ subscriber: RedisSubscriber) {
        self.subscriber = subscriber
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
        let late = pending.expire(at: now)
        for (request, _) in late {
            finish(request, .failure(timeoutError(.unknown, "no reply in time")))
        }
        while let index = unsent.firstIndex(where: { $0.deadline <= now }) {
            let request = unsent.remove(at: index)
            let reason = lastFailure.map { "no connection in time: \($0.message)" } ?? "no connection in time"
            // What is known of a command that was refused before is what the server said.
            let error = repetitions[request.id]?.failure ?? timeoutError(.notDelivered, reason)
            finish(request, .failure(error))
        }
        // A connection that owes a reply for a whole command timeout and brought nothing at all is dead, even
        // if the system has not noticed. The reply may be owed to a command that timed out long ago: commands
        // whose own timeout is shorter must not keep a dead connection alive.
        if let owedSince = pending.owedSince {
            let silence = now - max(owedSince, session.lastReceived ?? owedSince)
            if silence >= configuration.commandTimeout {
                session.fail(
                    RedisError(
                        .connectionLost, delivery: .unknown,
                        "nothing was received from \(configuration.endpoint) for \(silence.text)"))
            }
        }
        let silentUntil = pending.owedSince.map {
            max($0, session.lastReceived ?? $0) + configuration.commandTimeout
        }
        let next = [pending.earliestDeadline, unsent.lazy.map(\.deadline).min(), silentUntil].compactMap(
            \.self
        )
        .min()
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
        while let request = unsent.popFirst() { write(request) }
        finishConnecting(.success(()))
    }

    private func received(_ value: RedisValue) {
        // Whoever waits is told of its reply before the connection is given up.
        defer { if let unfitness, pending.isEmpty { leave(unfitness) } }
        guard let entry = pending.replied(sent: session.sent) else {
            // Whose reply this is cannot be known any more, nor whose the next ones will be.
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
            if toldOutage != nil { noteRecovery() }
            finish(request, .success(RedisReply(value: value, sentAt: entry.sentAt)))
        }
    }

    /// Something on the way swapped or doubled replies: from here on none can be trusted.
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
        logger.error(
            "\(configuration.endpoint) sent \(what): is there a proxy? The connection is made anew; said once"
        )
    }

    private func failed(_ error: RedisError, sent: UInt64) {
        noteOutage(error)
        lastFailure = error
        unfitness = nil
        texts = [:]
        var untouched = Deque<Request>()
        for (request, delivery, end) in pending.end(sent: sent) {
            if end - UInt64(request.command.bytes.count) >= sent {
                untouched.append(request)
            } else {
                finish(request, .failure(RedisError(error.code, delivery: delivery, error.message)))
            }
        }
        // Nothing of them has left: they wait for the next connection, as what comes from now on does. One that left in
        // part does not: it may be why the connection ended, and would end the next one, too.
        for var request in untouched.reversed() {
            request.followsText = false
            unsent.prepend(request)
        }
        // Waiting on would only repeat the refusal.
        if error.needsMending { failUnsent(error) }
        finishConnecting(.failure(error))
    }

    /// Once for each kind of failure, not for each attempt, until the server has answered a command: one that accepts
    /// connections and cannot serve us is away, too. A connection that ends is nothing unusual; one that can't be
    /// made is.
    private func noteOutage(_ error: RedisError) {
        guard toldOutage != error.code, error.code != .closed else { return }
        toldOutage = error.code
        logger.log(
            level: error.code == .connectionLost ? .notice : .warning, "\(error.message); trying again")
    }

    private func noteRecovery() {
        toldOutage = nil
        logger.notice("\(configuration.endpoint) answers again")
    }

    private func failUnsent(_ error: RedisError) {
        let waiting = unsent
        unsent.removeAll()
        for request in waiting { finish(request, .failure(error)) }
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

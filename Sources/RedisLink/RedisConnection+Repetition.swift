/// What a connection does about error replies: repeats commands that the server does not execute for the time
/// being, and leaves a server that cannot serve it. ``ErrorReply/Rule`` says which is which.
extension RedisConnection {
    /// A command that waits for its next try.
    struct Rest {
        let timer: LinkThread.TimerID
        /// Called with nil when the time has come, else with what ended the wait.
        let end: @Sendable (RedisError?) -> Void
    }

    /// The error for an error reply, and the connection's part of the rule.
    func refusal(_ reply: ErrorReply, deadline: ContinuousClock.Instant) -> RedisError {
        var error = RedisError(reply)
        if reply.rule.isRepeated { error.repeatableUntil = deadline }
        if reply.rule.needsNewConnection { unfitness = reply.text }
        return error
    }

    /// Makes the connection anew, by name: after a failover another server may answer to it.
    func leave(_ unfitness: String) {
        session.fail(
            RedisError(
                .connectionLost, delivery: .unknown,
                "\(configuration.endpoint) cannot serve us: \(unfitness)"),
            unfit: true)
    }

    // MARK: Repetition

    /// Repeats a command until it is executed, fails otherwise, or its deadline has come.
    ///
    /// Each try is a new command with a `sentAt` of its own: a lease counts from the try that was executed.
    func sendAgain(_ command: [RedisArgument], after first: RedisError) async throws(RedisError) -> RedisReply
    {
        var repetition = Repetition(first, by: configuration.endpoint)
        while let pause = repetition.pause(at: .now, random: .random(in: 0..<1)) {
            if let interruption = await rest(for: pause) { throw interruption }
            let result = await sendOnce(command, timeout: repetition.deadline - .now)
            guard case .failure(let error) = result else { return try result.get() }
            switch repetition.failed(error) {
            case .again: continue
            case .over(let error): throw error
            }
        }
        throw repetition.failure
    }

    /// As ``sendAgain(_:after:)``, for callers on the connection's thread.
    func sendAgain(
        _ command: [RedisArgument], after first: RedisError, completion: @escaping @Sendable (Result) -> Void
    ) {
        sendAgain(command, Repetition(first, by: configuration.endpoint), completion)
    }

    private func sendAgain(
        _ command: [RedisArgument], _ repetition: Repetition,
        _ completion: @escaping @Sendable (Result) -> Void
    ) {
        guard let pause = repetition.pause(at: .now, random: .random(in: 0..<1)) else {
            return completion(.failure(repetition.failure))
        }
        guard !isClosed else { return completion(.failure(closedError)) }
        rest(takeID(), for: pause) { interruption in
            if let interruption { return completion(.failure(interruption)) }
            self.assumeIsolated { connection in
                connection.sendOnce(command, timeout: repetition.deadline - .now) { result in
                    guard case .failure(let error) = result else { return completion(result) }
                    var repetition = repetition
                    switch repetition.failed(error) {
                    case .again: self.assumeIsolated { $0.sendAgain(command, repetition, completion) }
                    case .over(let error): completion(.failure(error))
                    }
                }
            }
        }
    }

    // MARK: Scripts

    /// A script under way by its digest, for a caller on the connection's thread.
    struct Evaluation {
        let script: RedisScript
        let keys: [String]
        let arguments: [RedisArgument]
        let deadline: ContinuousClock.Instant
    }

    func failed(
        _ evaluation: Evaluation, _ error: RedisError, _ completion: @escaping @Sendable (Result) -> Void
    ) {
        let (script, keys, arguments) = (evaluation.script, evaluation.keys, evaluation.arguments)
        if error.repeatableUntil != nil {
            sendAgain(script.byDigest(keys, arguments), after: error) { result in
                guard case .failure(let error) = result else { return completion(result) }
                self.assumeIsolated { $0.failed(evaluation, error, completion) }
            }
        } else if error.replyKind == "NOSCRIPT" {
            send(script.whole(keys, arguments), timeout: evaluation.deadline - .now) { result in
                completion(result.mapError { $0.naming(script, keys: keys) })
            }
        } else {
            completion(.failure(error.naming(script, keys: keys)))
        }
    }

    // MARK: Rest

    /// Waits; returns what ended the wait before its time: a cancellation, or the end of the link.
    private func rest(for pause: Duration) async -> RedisError? {
        let id = takeID()
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<RedisError?, Never>) in
                if Task.isCancelled { return continuation.resume(returning: Self.cancelled(.refused)) }
                if isClosed { return continuation.resume(returning: closedError) }
                rest(id, for: pause) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            thread.submit { self.assumeIsolated { $0.cancel(id) } }
        }
    }

    private func rest(_ id: UInt64, for pause: Duration, _ end: @escaping @Sendable (RedisError?) -> Void) {
        let timer = thread.schedule(at: .now + pause) { [weak self] in
            self?.assumeIsolated { $0.endRest(id, nil) }
        }
        resting[id] = Rest(timer: timer, end: end)
    }

    func endRest(_ id: UInt64, _ interruption: RedisError?) {
        guard let rest = resting.removeValue(forKey: id) else { return }
        thread.cancel(rest.timer)
        rest.end(interruption)
    }
}

/// When a command that was refused for the time being is sent again, and what is said if that never helps.
///
/// A value without clock or randomness.
struct Repetition: Sendable {
    enum Step: Sendable {
        case again
        case over(RedisError)
    }

    let deadline: ContinuousClock.Instant
    private let endpoint: RedisConfiguration.Endpoint
    private var last: RedisError
    private var answers = 1

    static let shortest: Duration = .milliseconds(5)
    static let longest: Duration = .milliseconds(500)

    /// - Parameter first: has a ``RedisError/repeatableUntil``.
    init(_ first: RedisError, by endpoint: RedisConfiguration.Endpoint) {
        guard let deadline = first.repeatableUntil else {
            preconditionFailure("a refusal that stays is not repeated")
        }
        last = first
        self.endpoint = endpoint
        self.deadline = deadline
    }

    /// The wait before the next try: between a half and the whole of a time that doubles, so that many
    /// clients do not come together. Nil when the deadline comes first. `random` is uniform in 0..<1.
    func pause(at now: ContinuousClock.Instant, random: Double) -> Duration? {
        let longest = min(Self.longest, Self.shortest * (1 << min(answers, 10)))
        let pause = longest * (0.5 + random / 2)
        return now + pause < deadline ? pause : nil
    }

    /// Another try failed: for a reason that passes, too, or for one that ends it.
    mutating func failed(_ error: RedisError) -> Step {
        if error.repeatableUntil != nil {
            last = error
            answers += 1
            return .again
        }
        // The deadline came before the try could leave, on a connection that is made anew: what is known is
        // what the server said before.
        if error.code == .timeout, error.delivery == .notDelivered { return .over(failure) }
        return .over(error)
    }

    /// What is said when the deadline has come.
    var failure: RedisError {
        let times = answers == 1 ? "once" : "\(answers) times"
        return RedisError(
            last.code, delivery: .refused,
            "\(endpoint) refused until the deadline, \(times), at last with: \(last.message)",
            replyKind: last.replyKind)
    }
}

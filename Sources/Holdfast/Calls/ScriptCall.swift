import RedisLink

/// One call of a script: its arguments, and what its reply means.
///
/// Each script has a file of its own, with its call and with the reader of its reply. A reply that the script
/// never gives is a `protocolViolation`, wherever it comes from. Nothing can be concluded from it, so whether
/// the call happened is unknown.
struct ScriptCall<Answer: Sendable>: Sendable {
    /// What is kept of a call until its reply arrives. Many calls may be waiting, and their arguments have
    /// been sent already.
    struct Reader: Sendable {
        let script: RedisScript
        fileprivate let read: @Sendable (RedisReply) -> Answer?

        func answer(_ reply: RedisReply) throws(RedisError) -> Answer {
            guard let answer = read(reply) else {
                throw RedisError(
                    .protocolViolation, delivery: .unknown, "\(script.name).lua returned a malformed reply")
            }
            return answer
        }
    }

    let reader: Reader
    let keys: [String]
    let arguments: [RedisArgument]
    let check: ReplyCheck
    var script: RedisScript { reader.script }

    /// - Parameter read: returns nil for a reply that the script never gives.
    init(
        _ script: RedisScript, keys: [String], _ arguments: [RedisArgument], check: ReplyCheck = .none,
        read: @escaping @Sendable (RedisReply) -> Answer?
    ) {
        reader = Reader(script: script, read: read)
        self.keys = keys
        self.arguments = arguments
        self.check = check
    }

    func answer(_ reply: RedisReply) throws(RedisError) -> Answer { try reader.answer(reply) }
}

extension ScriptCall where Answer == Bool {
    /// A call whose reply is numbered and says yes or no.
    init(
        _ script: RedisScript, keys: [String], _ arguments: [RedisArgument], numbered check: ReplyCheck
    ) {
        self.init(script, keys: keys, arguments, check: check) { $0.isYes }
    }
}

extension RedisLink {
    /// Sends the call and waits for its answer. One round trip, or two if the server does not know the script
    /// yet.
    nonisolated(nonsending) func call<Answer>(
        _ call: ScriptCall<Answer>, timeout: Duration? = nil
    ) async throws(RedisError) -> Answer {
        try call.answer(
            await evaluate(
                call.script, keys: call.keys, arguments: call.arguments, check: call.check, timeout: timeout))
    }

    /// As ``call(_:timeout:)``, not interrupted by cancellation: for calls that grant or settle something, whose outcome
    /// must be known.
    nonisolated(nonsending) func callShielded<Answer>(
        _ call: ScriptCall<Answer>, timeout: Duration? = nil
    ) async throws(RedisError) -> Answer {
        try call.answer(
            await evaluateShielded(
                call.script, keys: call.keys, arguments: call.arguments, check: call.check, timeout: timeout))
    }

    /// As ``call(_:timeout:)``, for callers in a turn of the link's thread.
    func call<Answer>(
        _ call: ScriptCall<Answer>, timeout: Duration? = nil,
        completion: @escaping @Sendable (Result<Answer, RedisError>) -> Void
    ) {
        let command = RedisCommand(
            call.script, keys: call.keys, arguments: call.arguments, check: call.check)
        send(command, timeout: timeout) { [reader = call.reader, keys = call.keys] result in
            switch result {
            case .success(let reply):
                completion(Result { () throws(RedisError) in try reader.answer(reply) })
            case .failure(let error): completion(.failure(error.naming(reader.script, keys: keys)))
            }
        }
    }
}

extension RedisReply {
    /// One of two: 1 or 0.
    var bit: Bool? {
        switch value {
        case .integer(0): false
        case .integer(1): true
        default: nil
        }
    }

    /// A number that is not negative.
    var count: Int? { value.integer.flatMap { Int(exactly: $0) }.flatMap { $0 >= 0 ? $0 : nil } }

    /// What follows the number of a reply that is numbered, if it is so many values.
    func values(_ count: Int) -> ArraySlice<RedisValue>? {
        guard let values = value.array?.dropFirst(), values.count == count else { return nil }
        return values
    }
}

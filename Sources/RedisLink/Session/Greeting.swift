/// The first commands of a new connection, and what each reply means for it: the credentials, the database,
/// the client's name, the format of the data.
///
/// A value: commands out, replies in, in the same order.
struct Greeting {
    /// What a reply means for the connection.
    enum Verdict {
        /// More replies are outstanding, including those to these commands.
        case goesOn(sending: [RedisCommand])
        /// That was the last reply: the connection serves us.
        case done
        /// The connection must end.
        case failed(RedisError)
    }

    private enum Step {
        case authentication(Credentials)
        case required
        /// Only checks whether the server serves us.
        case probe
        case formatMark
        case format
    }

    /// What is sent at once.
    private(set) var opening: [RedisCommand] = []
    /// What is sent after a successful authentication.
    private var rest: [RedisCommand] = []
    private var steps: ArraySlice<Step> = []
    private let endpoint: RedisConfiguration.Endpoint
    private let format: DataFormat?

    /// At least one reply is needed: a server that is full, or requires a password, says so only in reply to
    /// the first command, and until then the connection does not count as made.
    ///
    /// - Parameter listens: whether the connection is the one for messages, which have no format.
    init(_ configuration: RedisConfiguration, as credentials: Credentials?, listens: Bool) {
        endpoint = configuration.endpoint
        format = listens ? nil : configuration.format
        let database = configuration.database
        if let credentials { add(RedisCommand(credentials.command), .authentication(credentials)) }
        if database != 0 { add(["SELECT", RedisArgument(database)], .required) }
        if let name = configuration.clientName { add(["CLIENT", "SETNAME", .string(name)], .required) }
        if steps.isEmpty { add(["PING"], .probe) }
        for (command, step) in zip(format?.commands ?? [], [Step.formatMark, .format]) { add(command, step) }
        // The credentials are sent alone: after a failed AUTH the server would run what follows as the
        // default user.
        if credentials != nil {
            rest = Array(opening.dropFirst())
            opening = Array(opening.prefix(1))
        }
    }

    private mutating func add(_ command: RedisCommand, _ step: Step) {
        opening.append(command)
        steps.append(step)
    }

    /// The next reply has arrived.
    mutating func replied(_ value: RedisValue) -> Verdict {
        guard let step = steps.popFirst() else {
            preconditionFailure("a reply to the greeting came after the last one")
        }
        if case .format = step, let refusal = format?.refusal(of: value) { return .failed(refusal) }
        if case .error(let text) = value, let failure = failure(of: step, by: text) {
            return .failed(failure)
        }
        if steps.isEmpty { return .done }
        guard case .authentication = step else { return .goesOn(sending: []) }
        defer { rest = [] }
        return .goesOn(sending: rest)
    }

    /// Why the connection must end after this error reply; nil if it need not.
    private func failure(of step: Step, by text: String) -> RedisError? {
        let reply = ErrorReply(text)
        switch step {
        case .authentication(let credentials): return Self.refusal(text, of: credentials, by: endpoint)
        case .required: return Self.refusal(text, by: endpoint)
        // Other errors, such as `LOADING` or `BUSY`, are ignored: commands get the server's own reply.
        case .probe, .formatMark: return reply.servesNobody ? Self.refusal(text, by: endpoint) : nil
        // Nothing is sent before this is answered. A refusal that lasts would refuse everything else, too.
        case .format:
            let isRefusal = reply.servesNobody || reply.rule.isRepeated
            return isRefusal ? Self.refusal(text, by: endpoint) : nil
        }
    }

    /// The server refused the connection. The socket must be closed: after a failed AUTH the server would
    /// serve it as the default user.
    ///
    /// - Parameter credentials: the credentials it refused, if it refused those.
    static func refusal(
        _ text: String, of credentials: Credentials? = nil, by endpoint: RedisConfiguration.Endpoint
    ) -> RedisError {
        let reply = ErrorReply(credentials?.redacted(text) ?? text)
        let isAboutUs = ["NOPERM", "ERR"].contains(reply.kind) && !reply.rule.needsNewConnection
        let code: RedisError.Code =
            if ["WRONGPASS", "NOAUTH"].contains(reply.kind) || credentials != nil && isAboutUs {
                .authenticationFailed
            } else if reply.denied == nil {
                .connectFailed
            } else {
                .permissionDenied
            }
        var error = RedisError(
            code, delivery: .notDelivered, "\(endpoint) refused the connection: \(reply.text)",
            replyKind: RedisError(reply).replyKind)
        error.permission = reply.denied
        return error
    }
}

extension ErrorReply {
    /// Whether no command will be served on this connection.
    fileprivate var servesNobody: Bool {
        kind == "NOAUTH" || text.hasPrefix("ERR max number of clients")
    }
}

extension Credentials {
    /// What the server replied to the credentials, with the password removed: a server that does not know
    /// AUTH repeats its arguments.
    fileprivate func redacted(_ text: String) -> String {
        let arguments = text.firstRange(of: "with args beginning with")
        let told = text[..<(arguments?.lowerBound ?? text.endIndex)]
        return String(password.value.isEmpty ? told : told.replacing(password.value, with: "<secret>")[...])
    }
}

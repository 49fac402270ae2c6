/// What a new connection is greeted with, and what becomes of it by each reply.
///
/// A value: commands out, replies in, in the same order.
struct Greeting {
    /// What a reply means for the connection.
    enum Verdict {
        case goesOn
        /// The server refused what must be.
        case refused(String)
        case failed(RedisError)
    }

    private enum Step {
        case required
        /// Only asks whether the server serves us.
        case probe
        case formatMark
        case format
    }

    private(set) var commands: [RedisCommand] = []
    private var steps: ArraySlice<Step> = []
    private let format: DataFormat?

    /// At least one reply must come: a server that is full, or wants a password, says so in reply to the first command
    /// only, and a connection is no success before.
    init(_ configuration: RedisConfiguration, isAuthenticated: Bool, listens: Bool) {
        format = listens ? nil : configuration.format
        let database = configuration.database
        if database != 0 { add(["SELECT", RedisArgument(database)], .required) }
        if let name = configuration.clientName { add(["CLIENT", "SETNAME", .string(name)], .required) }
        if commands.isEmpty, !isAuthenticated { add(["PING"], .probe) }
        for (command, step) in zip(format?.commands ?? [], [Step.formatMark, .format]) { add(command, step) }
    }

    private mutating func add(_ command: RedisCommand, _ step: Step) {
        commands.append(command)
        steps.append(step)
    }

    /// The next reply has come.
    mutating func replied(_ value: RedisValue) -> Verdict {
        guard let step = steps.popFirst() else {
            preconditionFailure("a reply to the greeting came after the last one")
        }
        if step == .format, let refusal = format?.refusal(of: value) { return .failed(refusal) }
        guard case .error(let text) = value else { return .goesOn }
        let reply = ErrorReply(text)
        switch step {
        case .required: return .refused(text)
        // Others, such as `LOADING` or `BUSY`, pass: commands get the server's own word for it.
        case .probe, .formatMark: return reply.servesNobody ? .refused(text) : .goesOn
        // Nothing is done before this was answered. What it cannot be for good, nothing else can either.
        case .format: return reply.servesNobody || reply.rule.isRepeated ? .refused(text) : .goesOn
        }
    }
}

extension ErrorReply {
    /// Whether no command will be served on this connection.
    fileprivate var servesNobody: Bool {
        kind == "NOAUTH" || text.hasPrefix("ERR max number of clients")
    }
}

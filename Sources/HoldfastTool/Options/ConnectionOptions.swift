internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import Logging
internal import Processes
internal import RedisLink

/// Where Redis is, for every command.
struct ConnectionOptions: ParsableArguments {
    static let defaultURL = "redis://127.0.0.1:6379"
    static let defaultNamespace = "holdfast"

    @Option(
        help: ArgumentHelp(
            "The server: redis://[user:password@]host[:port][/database], rediss://… or redis+unix:///path[?db=number].",
            discussion: """
                Without it, HOLDFAST_REDIS_URL of the environment; without either, commands that only show \
                something use \(defaultURL). Give a URL with a password in the environment: other users can \
                see a command line.
                """,
            valueName: "url"
        ))
    var redis: String?

    @Option(
        help: ArgumentHelp(
            "The prefix of the keys.",
            discussion: "Without it, HOLDFAST_NAMESPACE of the environment, or else \(defaultNamespace).",
            valueName: "name"
        ))
    var namespace: String?

    @Flag(help: "Log what the client does, and the failures that it rides out, on standard error.")
    var verbose = false

    /// What a command does with Redis.
    enum Access {
        /// Nothing is changed, so the default server will do.
        case reading
        /// Something is changed: which server is meant must be said.
        case writing
    }

    var url: String { redis ?? environment("HOLDFAST_REDIS_URL") ?? Self.defaultURL }

    var resolvedNamespace: String { namespace ?? environment("HOLDFAST_NAMESPACE") ?? Self.defaultNamespace }

    /// A variable that is set but empty counts as not set.
    private func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// - Parameter level: the lowest level of log lines that are shown without `--verbose`.
    func logger(from level: Logger.Level) -> Logger {
        guard verbose else { return Logger(label: "holdfast") { _ in ConsoleLogHandler(logLevel: level) } }
        var logger = Logger(label: "holdfast") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .debug
        return logger
    }

    /// Ends a command that would change something when no server was named.
    private func check(_ access: Access) throws {
        guard access == .writing, redis == nil, environment("HOLDFAST_REDIS_URL") == nil else { return }
        Console.say(
            "this command changes something, so say where: give --redis, or the URL in HOLDFAST_REDIS_URL")
        throw ExitCode(ExitStatus.usage)
    }

    /// For a list that is empty, perhaps because the command looked in the wrong place.
    func sayNothingFound(on holdfast: Holdfast) {
        Console.say("nothing was found in the namespace \(placeText(of: holdfast))")
    }

    /// The namespace and the server, without a password.
    func placeText(of holdfast: Holdfast) -> String {
        let redis = holdfast.core.link.configuration
        let database = redis.database == 0 ? "" : ", database \(redis.database)"
        return TerminalText.escaped("\(resolvedNamespace) on \(redis.endpoint)\(database)")
    }

    /// Opens a client, does the work, and closes the client whatever happens.
    ///
    /// - Parameter signals: what interrupts the connecting, but not the work.
    func withHoldfast<Result>(
        _ access: Access = .writing, lease: Duration? = nil, logLevel: Logger.Level = .critical,
        interruptedBy signals: CaughtSignals? = nil, _ work: (Holdfast) async throws -> Result
    ) async throws -> Result {
        try check(access)
        warnOfPassword(in: redis)
        var configuration = Holdfast.Configuration()
        configuration.service = "holdfast"
        if let lease { configuration.lease = lease }
        let holdfast = try Holdfast(
            redis: url, namespace: resolvedNamespace, configuration: configuration,
            logger: logger(from: logLevel))
        do {
            if let signals {
                try await signals.interrupting { try await holdfast.connect() }
            } else {
                try await holdfast.connect()
            }
            let result = try await work(holdfast)
            await holdfast.close()
            return result
        } catch {
            await holdfast.close()
            throw error
        }
    }
}

/// Warns that others can see a password in a URL on the command line.
///
/// - Parameter remedy: where to put the URL instead.
func warnOfPassword(in url: String?, instead remedy: String = "HOLDFAST_REDIS_URL") {
    guard let url, let scheme = url.firstRange(of: "://") else { return }
    // A password may contain any character, even a slash, so it extends to the last "@".
    let rest = url[scheme.upperBound...]
    guard !rest.hasPrefix("/"), let end = rest.lastIndex(of: "@"), rest[..<end].contains(":") else { return }
    Console.say(
        "everybody on this machine can see the password in --redis; give the URL in \(remedy)"
    )
}

/// Log lines in the form of the tool's other messages, without `--verbose`.
private struct ConsoleLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        Console.say(TerminalText.escaped("\(event.message)"))
    }
}

/// The format of the output, for every command that prints data.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON object with documented field names instead of a table.")
    var json = false
}

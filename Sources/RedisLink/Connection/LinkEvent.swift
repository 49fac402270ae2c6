package import Logging

/// What happens to a link's connections, for its observer.
package enum LinkEvent: Sendable {
    /// The connection for commands ended, or cannot be made. Reported once for each kind of failure, until
    /// the server answers again.
    case failed(RedisError)
    /// The server answers commands again, after a failure.
    case answersAgain(server: String)
    /// A reply cannot belong to its command: the link reconnects. Reported once.
    case misplacedReply(server: String, what: String)
    /// The connection for messages cannot be made. Reported once, until it is up again.
    case hearsNothing(RedisError)
    /// The server refuses a subscription.
    case listeningRefused(channel: String, RedisError)

    /// The level it is logged at.
    package var level: Logger.Level {
        switch self {
        // A connection that ends is nothing unusual; one that cannot be made is.
        case .failed(let error): error.code == .connectionLost ? .notice : .warning
        case .answersAgain: .notice
        case .hearsNothing, .listeningRefused: .warning
        case .misplacedReply: .error
        }
    }

    /// The text that is logged.
    package var words: String {
        switch self {
        case .failed(let error): "\(error.message); trying again"
        case .answersAgain(let server): "\(server) answers again"
        case .misplacedReply(let server, let what):
            "\(server) sent \(what): is there a proxy in between? Reconnecting; this is logged once"
        case .hearsNothing(let error): "not receiving any messages: \(error.message); trying again"
        case .listeningRefused(let channel, let error):
            "the server does not let us subscribe to \(channel): \(error)"
        }
    }
}

/// Called with each event of a link, on its thread: it must return at once.
package typealias LinkObserver = @Sendable (LinkEvent) -> Void

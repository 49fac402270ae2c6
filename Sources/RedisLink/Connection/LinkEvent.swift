package import Logging

/// What becomes of a link's connections, for whoever observes it.
package enum LinkEvent: Sendable {
    /// The connection for commands ended, or cannot be made. Each kind of failure comes once, until the server answers
    /// again.
    case failed(RedisError)
    /// The server answers commands again, after a failure.
    case answersAgain(server: String)
    /// A reply came that cannot be that to its command: the connection is made anew. Comes once.
    case misplacedReply(server: String, what: String)
    /// The connection for messages cannot be made. Comes once, until it stands again.
    case hearsNothing(RedisError)
    /// The server refuses a subscription.
    case listeningRefused(channel: String, RedisError)

    /// How loudly the log tells of it.
    package var level: Logger.Level {
        switch self {
        // A connection that ends is nothing unusual; one that cannot be made is.
        case .failed(let error): error.code == .connectionLost ? .notice : .warning
        case .answersAgain: .notice
        case .hearsNothing, .listeningRefused: .warning
        case .misplacedReply: .error
        }
    }

    /// What the log tells.
    package var words: String {
        switch self {
        case .failed(let error): "\(error.message); trying again"
        case .answersAgain(let server): "\(server) answers again"
        case .misplacedReply(let server, let what):
            "\(server) sent \(what): is there a proxy? The connection is made anew; said once"
        case .hearsNothing(let error): "no messages are heard: \(error.message); trying again"
        case .listeningRefused(let channel, let error):
            "the server does not let us listen on \(channel): \(error)"
        }
    }
}

/// Gets each event of a link, on its thread: it must return at once.
package typealias LinkObserver = @Sendable (LinkEvent) -> Void

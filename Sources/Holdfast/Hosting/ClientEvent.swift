import Logging

/// What happens to a client as a whole.
enum ClientEvent: HoldfastEvent {
    /// - Parameters:
    ///   - server: what it is connected to.
    ///   - contents: its workers and queues, for people.
    case runs(on: String, namespace: String, contents: String)
    /// A worker or handler was added, and nobody calls ``Holdfast/run()``.
    case isNotRun(contents: String)
    /// The server evicts keys, which the configuration accepts.
    case evicts(String)
    /// It could not be determined whether the server evicts keys.
    case evictionUnknown(String)

    var level: Logger.Level {
        switch self {
        case .runs: .info
        case .isNotRun, .evictionUnknown: .warning
        case .evicts: .critical
        }
    }

    var words: String {
        switch self {
        case .runs(let server, let namespace, let contents):
            "Running on \(server), namespace \(namespace). \(contents)"
        case .isNotRun(let contents):
            """
            workers or handlers were added, and nobody calls run(): none of them does anything. Add the client \
            to a ServiceGroup, or call run(). \(contents)
            """
        case .evicts(let problem): problem
        case .evictionUnknown(let why):
            "it is not known whether the server evicts keys; its maxmemory-policy must be noeviction: \(why)"
        }
    }
}

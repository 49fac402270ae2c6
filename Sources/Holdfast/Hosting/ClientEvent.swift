import Logging

/// What becomes of a client as a whole.
enum ClientEvent: HoldfastEvent {
    /// - Parameters:
    ///   - server: what it is connected to.
    ///   - contents: its workers and queues, for people.
    case runs(on: String, namespace: String, contents: String)
    /// Something was added for ``Holdfast/run()``, and nobody calls it.
    case isNotRun(contents: String)
    /// The server evicts keys, which the configuration accepts.
    case evicts(String)
    /// Whether the server evicts keys could not be found out.
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
            "whether the server evicts keys is not known, its maxmemory-policy must be noeviction: \(why)"
        }
    }
}

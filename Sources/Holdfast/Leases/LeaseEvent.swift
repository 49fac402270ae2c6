package import Logging
package import RedisLink

/// What happened to leases, and what their keeper could not do.
package enum LeaseEvent: HoldfastEvent {
    /// The same thing happened to these leases at one moment, for one reason.
    case befell(LeaseNames, Fate)
    /// The work under the lease is done, and its key expires by itself.
    case releaseFailed(HoldfastError)
    /// A place in a queue stays until it expires by itself.
    case leavingFailed(name: String, RedisError)

    package enum Fate: Hashable, Sendable {
        case renewalFailed(String)
        case lost(LossReason)
        case heldAtClose
        case notReleased(String)
    }

    package var level: Logger.Level {
        switch self {
        case .befell(_, .lost): .error
        case .befell, .releaseFailed: .warning
        case .leavingFailed: .debug
        }
    }

    package var words: String {
        switch self {
        case .befell(let names, let fate): names.words(fate)
        case .releaseFailed(let error): "\(error)"
        case .leavingFailed(let name, let error):
            "leaving the queue of \(name) while closing failed: \(error)"
        }
    }
}

/// The leases concerned, for people: the names of a few, and how many there are.
package struct LeaseNames: Sendable {
    /// How many names are shown.
    private static let shown = 3

    package private(set) var count = 0
    private var names: [String] = []

    package init(_ names: String...) {
        for name in names { add(name) }
    }

    mutating func add(_ name: String) {
        count += 1
        if names.count < Self.shown { names.append(name) }
    }

    fileprivate func words(_ fate: LeaseEvent.Fate) -> String {
        let was = count == 1 ? "was" : "were"
        let end = count == 1 ? "it ends by itself" : "they end by themselves"
        return switch fate {
        case .renewalFailed(let error): "\(subject) could not be renewed, trying again: \(error)"
        case .lost(let reason): "\(subject) \(was) lost: \(reason)"
        case .heldAtClose: "\(subject) \(was) still held when the client was closed"
        case .notReleased(let error): "\(subject) could not be released while closing, \(end): \(error)"
        }
    }

    private var subject: String {
        if count == 1 { return "the lease of \(names[0])" }
        if count <= Self.shown {
            return "the leases of \(names.dropLast().joined(separator: ", ")) and \(names[count - 1])"
        }
        return "the leases of \(names.joined(separator: ", ")) and \(count - Self.shown) others"
    }
}

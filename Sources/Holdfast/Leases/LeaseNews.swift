import Logging

/// What befell leases at one moment, for the log: one line for each kind of event and reason, however many leases it
/// befell.
struct LeaseNews: Sendable {
    enum Event: Hashable, Sendable {
        case renewalFailed(String)
        case lost(LossReason)
        case heldAtClose
        case notReleased(String)
    }

    /// How many names a line has.
    private static let shown = 3

    private var names: [Event: [String]] = [:]
    private var counts: [Event: Int] = [:]

    var isEmpty: Bool { counts.isEmpty }

    mutating func add(_ event: Event, _ name: String) {
        counts[event, default: 0] += 1
        if names[event, default: []].count < Self.shown { names[event, default: []].append(name) }
    }

    mutating func tell(_ logger: Logger) {
        for (event, count) in counts {
            let (level, words) = Self.words(event, of: subject(names[event] ?? [], count), isOne: count == 1)
            logger.log(level: level, "\(words)")
        }
        self = LeaseNews()
    }

    private func subject(_ names: [String], _ count: Int) -> String {
        if count == 1 { return "the lease of \(names[0])" }
        if count <= Self.shown {
            return "the leases of \(names.dropLast().joined(separator: ", ")) and \(names[count - 1])"
        }
        return "the leases of \(names.joined(separator: ", ")) and \(count - Self.shown) others"
    }

    private static func words(_ event: Event, of leases: String, isOne: Bool) -> (Logger.Level, String) {
        let was = isOne ? "was" : "were"
        let end = isOne ? "it ends by itself" : "they end by themselves"
        return switch event {
        case .renewalFailed(let error): (.warning, "\(leases) could not be renewed, trying again: \(error)")
        case .lost(let reason): (.error, "\(leases) \(was) lost: \(reason)")
        case .heldAtClose: (.warning, "\(leases) \(was) still held when the client was closed")
        case .notReleased(let error):
            (.warning, "\(leases) could not be released while closing, \(end): \(error)")
        }
    }
}

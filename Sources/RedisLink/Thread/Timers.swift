/// The timers of a thread.
///
/// A value without a clock. Few timers are set at a time, so they are simply searched.
package struct Timers {
    package struct ID: Hashable, Sendable { fileprivate let number: UInt64 }

    private struct Timer {
        let id: ID
        let deadline: ContinuousClock.Instant
        let fire: () -> Void
    }

    private var timers: [Timer] = []
    private var lastNumber: UInt64 = 0

    /// When the next one is due; nil for never.
    var earliest: ContinuousClock.Instant? { timers.lazy.map(\.deadline).min() }

    mutating func add(at deadline: ContinuousClock.Instant, _ fire: @escaping () -> Void) -> ID {
        lastNumber += 1
        let id = ID(number: lastNumber)
        timers.append(Timer(id: id, deadline: deadline, fire: fire))
        return id
    }

    mutating func remove(_ id: ID) {
        timers.removeAll { $0.id == id }
    }

    mutating func removeAll() {
        timers = []
    }

    /// Takes out the one that has been due the longest; nil when none is.
    mutating func popDue(at now: ContinuousClock.Instant) -> (() -> Void)? {
        let due = timers.indices.filter { timers[$0].deadline <= now }
        guard let first = due.min(by: { timers[$0].deadline < timers[$1].deadline }) else { return nil }
        return timers.remove(at: first).fire
    }
}

/// What happened to leases at one moment: one event for each fate, however many leases it met.
struct LeaseNews: Sendable {
    private var names: [LeaseEvent.Fate: LeaseNames] = [:]

    var isEmpty: Bool { names.isEmpty }

    mutating func add(_ fate: LeaseEvent.Fate, _ name: String) {
        names[fate, default: LeaseNames()].add(name)
    }

    mutating func tell(_ observers: Observers) {
        for (fate, names) in names { observers.tell(LeaseEvent.befell(names, fate)) }
        self = LeaseNews()
    }
}

/// The grants whose leases are held, and when the timer looks at them next.
struct HeldGrants {
    private var table: [Grant?] = []
    private var free: [Int] = []
    private(set) var isClosed = false
    var wakeAt: ContinuousClock.Instant?

    var grants: [Grant] { table.compactMap(\.self) }

    /// False: it is too late.
    mutating func insert(_ grant: Grant) -> Bool {
        guard !isClosed else { return false }
        if let index = free.popLast() {
            table[index] = grant
            grant.tableIndex = index
        } else {
            grant.tableIndex = table.count
            table.append(grant)
        }
        return true
    }

    /// Does nothing to one that is not there any more.
    mutating func remove(_ grant: Grant) {
        let index = grant.tableIndex
        guard index >= 0 else { return }
        grant.tableIndex = -1
        table[index] = nil
        free.append(index)
    }

    /// Takes all that is held; nothing is from now on.
    mutating func close() -> [Grant] {
        isClosed = true
        let grants = grants
        for grant in grants { remove(grant) }
        return grants
    }
}

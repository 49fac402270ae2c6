/// One hold of the lock by a process; times in nanoseconds on the clock that all processes share.
struct Hold {
    let process: Int
    /// When its holder began to run.
    let running: Int64
    /// Just before the release was sent.
    let released: Int64
    /// The holder's token and the first waiter's at the server in between; nil if nobody asked.
    let token: String?
    let next: String?

    /// Reads what a holder reports: `<running> <released> [<own token> [<first waiter's>]]`.
    init?(_ words: [String], process: Int) {
        guard words.count >= 2, let running = Int64(words[0]), let released = Int64(words[1]) else {
            return nil
        }
        self.process = process
        self.running = running
        self.released = released
        token = words.dropFirst(2).first
        next = words.dropFirst(3).first
    }
}

/// The holds of all processes, in order.
struct Holds {
    let holds: [Hold]

    /// - Parameter warmUp: how many of the first holds do not count.
    init(_ holds: [Hold], warmUp: Int) {
        self.holds = Array(holds.sorted { $0.running < $1.running }.dropFirst(warmUp))
    }

    private var pairs: some Collection<(Hold, Hold)> { zip(holds, holds.dropFirst()).map { ($0, $1) } }

    /// From release to the next holder running, if that is another process, in microseconds.
    var handoffs: [Double] {
        pairs.filter { $0.process != $1.process }.map { Double($1.running - $0.released) / 1000 }
    }

    /// The fraction of hand-overs in which the next holder was another process.
    var crossings: Double { Double(handoffs.count) / Double(max(1, holds.count - 1)) }

    /// How often the next holder was not the one that was first in the queue while the previous one held the
    /// lock. If nobody is in the queue although others wait, there is no order.
    var violations: Int {
        pairs.count { $0.next == nil || $0.next != $1.token }
    }

    /// The ratio of the fewest holds of a process to the most.
    func shares(processes: Int) -> Double {
        let counts = (0..<processes).map { process in holds.count { $0.process == process } }
        return Double(counts.min() ?? 0) / Double(max(1, counts.max() ?? 0))
    }
}

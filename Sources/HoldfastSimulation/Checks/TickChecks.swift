internal import RedisLink

/// The periodic worker's promises: a tick starts once, and its fenced resource never goes backwards.
enum TickChecks {
    static func verdicts(_ run: Observations) -> [Verdict] {
        [noTickTwice(run), fencesRise(run)]
    }

    /// A run without any ticks proves nothing, and does not pass.
    static func noTickTwice(_ run: Observations) -> Verdict {
        let starts = run.ledger.tickStarts
        var breaches = starts.map(\.tick).counted().filter { $0.value > 1 }
            .sorted { $0.key < $1.key }.map { "tick \($0.key) was started \($0.value) times" }
        let twice = breaches.count
        if starts.isEmpty { breaches.append("no tick was started at all") }
        return Verdict(
            .noTickTwice,
            breaches: breaches,
            holding: "\(starts.count) ticks were started, each once",
            broken: starts.isEmpty ? "no tick was started" : "\(twice) ticks were started more than once"
        )
    }

    static func fencesRise(_ run: Observations) -> Verdict {
        let accepted = run.ledger.acceptedTicks
        var breaches: [String] = []
        for (earlier, later) in zip(accepted, accepted.dropFirst()) where later.fence < earlier.fence {
            breaches.append(
                "the write of tick \(later.tick) with fence \(later.fence) was accepted after fence \(earlier.fence)"
            )
        }
        let everyUse = run.ledger.tickStarts + accepted + run.ledger.refusedTicks
        let ticksByFence = Dictionary(grouping: everyUse, by: \.fence).mapValues { Set($0.map(\.tick)) }
        for (fence, ticks) in ticksByFence.sorted(by: { $0.key < $1.key }) where ticks.count > 1 {
            breaches.append(
                "fence \(fence) belongs to the ticks \(ticks.sorted().joined(separator: " and "))")
        }
        let stale = run.ledger.refusedTicks.count
        return Verdict(
            .fencesRise,
            breaches: breaches,
            holding:
                "\(accepted.count) fenced writes accepted in rising order, \(stale.counted("stale one")) refused",
            broken: "\(breaches.count) fences are out of order or used twice"
        )
    }
}

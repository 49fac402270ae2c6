internal import RedisLink

/// Whether the run itself was worth anything: it came to an end, and its faults were felt.
enum RunChecks {
    static func verdicts(_ run: Observations) -> [Verdict] {
        [nothingLeft(run), cleanEndings(run), faultsFelt(run), inTime(run)]
    }

    static func nothingLeft(_ run: Observations) -> Verdict {
        let full = run.leftovers.filter { $0.value != 0 }.sorted { $0.key < $1.key }
        return Verdict(
            .nothingLeft,
            breaches: full.map { "\($0.key): \($0.value)" },
            holding: "nothing is left in the queue, in claims or in dead letters",
            broken: "the queue is not empty after draining"
        )
    }

    static func cleanEndings(_ run: Observations) -> Verdict {
        let unclean = run.endings.filter { !$0.isClean }
        return Verdict(
            .cleanEndings,
            breaches: unclean.map { ending in
                let status = ending.exitStatus.map { "with exit status \($0)" } ?? "by a signal"
                let words = ending.lastWords.map { ": \($0)" } ?? ""
                return
                    "instance \(ending.author.slot) (pid \(ending.author.pid)) ended \(ending.cause.rawValue) "
                    + status + words
            },
            holding: "\(run.endings.count) processes ended, each when it was told to",
            broken: "\(unclean.count) processes did not end as they should have"
        )
    }

    /// Every fault of the plan hit a live victim, every pause outlasted the lease, and work was in flight.
    static func faultsFelt(_ run: Observations) -> Verdict {
        var breaches: [String] = []
        for fault in run.plan.faults
        where run.strikes.count(where: { $0.fault == fault && $0.hitAt != nil }) == 0 {
            breaches.append("the \(fault.kind.rawValue) of \(fault.victim) at \(fault.moment) hit nothing")
        }
        for strike in run.strikes where strike.fault.kind == .pause {
            guard let start = strike.hitAt, let end = strike.endedAt else { continue }
            if end - start <= run.leaseInNanoseconds {
                breaches.append("the pause of \(strike.fault.victim) at \(strike.fault.moment) was too short")
            }
        }
        let inFlight = run.strikes.map { InFlight(at: $0, in: run.history) }
        let messages = inFlight.map(\.messages).reduce(0, +)
        let ticks = inFlight.map(\.ticks).reduce(0, +)
        if run.strikes.contains(where: { $0.pid != nil }), messages == 0 {
            breaches.append("no message was in flight at any fault: use more messages, or a longer --span")
        }
        let holding =
            run.plan.faults.isEmpty
            ? "no faults were asked for"
            : "\(run.strikes.count.counted("fault")) struck, with "
                + "\(messages.counted("message")) and \(ticks.counted("tick")) in flight"
        return Verdict(.faultsFelt, breaches: breaches, holding: holding, broken: "not every fault was felt")
    }

    static func inTime(_ run: Observations) -> Verdict {
        Verdict(
            .inTime,
            breaches: run.deadlinePassed ? ["the deadline passed before all work was done"] : [],
            holding: "all work was done before the deadline",
            broken: "the run was given up at its deadline"
        )
    }
}

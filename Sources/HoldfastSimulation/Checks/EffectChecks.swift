internal import RedisLink

/// Exactly-once accounting: every message has its effect, once, in both places.
///
/// This is stricter than the usual check of queues, which counts duplicates but accepts them.
enum EffectChecks {
    static func verdicts(_ run: Observations) -> [Verdict] {
        [nothingLost(run), noDuplicateEffect(run), noPhantom(run), redisCountsOnce(run), totalsAgree(run)]
    }

    static func nothingLost(_ run: Observations) -> Verdict {
        let done = Set(run.ledger.effects.map(\.message))
        let lost = run.messages.map(\.id).filter { !done.contains($0) }
        return Verdict(
            .nothingLost,
            breaches: lost.map { "message \($0) has no effect" },
            holding: "all \(run.messages.count) messages have their effect",
            broken: "\(lost.count) of \(run.messages.count) messages have no effect"
        )
    }

    static func noDuplicateEffect(_ run: Observations) -> Verdict {
        let repeated = run.ledger.effects.map(\.message).counted().filter { $0.value > 1 }
        return Verdict(
            .noDuplicateEffect,
            breaches: repeated.sorted { $0.key < $1.key }.map { "message \($0.key) has \($0.value) effects" },
            holding: "no message has more than one effect in the ledger",
            broken: "\(repeated.count) messages have more than one effect in the ledger"
        )
    }

    static func noPhantom(_ run: Observations) -> Verdict {
        let known = Set(run.messages.map(\.id))
        let effects = Set(run.ledger.effects.map(\.message)).union(run.redis.counts.keys)
        let phantoms = effects.subtracting(known).sorted()
        return Verdict(
            .noPhantom,
            breaches: phantoms.map { "message \($0) was never sent" },
            holding: "every effect belongs to a message that was sent",
            broken: "\(phantoms.count) effects belong to no message that was sent"
        )
    }

    static func redisCountsOnce(_ run: Observations) -> Verdict {
        let wrong = run.messages.map(\.id).filter { run.redis.counts[$0] != 1 }
        return Verdict(
            .redisCountsOnce,
            breaches: wrong.map { "message \($0) was counted \(run.redis.counts[$0] ?? 0) times in Redis" },
            holding: "the committing script counted each message exactly once in Redis",
            broken: "\(wrong.count) messages were not counted exactly once in Redis"
        )
    }

    static func totalsAgree(_ run: Observations) -> Verdict {
        let expected = Share.totals(run.messages.map(\.share))
        let groups = Set(expected.keys).union(run.ledger.totals.keys).union(run.redis.totals.keys).sorted()
        let wrong = groups.filter { group in
            run.ledger.totals[group] != expected[group] || run.redis.totals[group] != expected[group]
        }
        func told(_ total: Int64?) -> String { total.map(String.init) ?? "nothing" }
        return Verdict(
            .totalsAgree,
            breaches: wrong.map { group in
                """
                group \(group): \(told(expected[group])) in the input, \(told(run.ledger.totals[group])) in the \
                ledger, \(told(run.redis.totals[group])) in Redis
                """
            },
            holding:
                "the input, the ledger and Redis have the same \(groups.count.counted("total"))",
            broken: "\(wrong.count) of \(groups.count) totals differ"
        )
    }
}

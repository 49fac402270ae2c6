internal import Holdfast
internal import JSONLines
internal import RedisLink

/// The handler of a simulated instance: some work, the effect in the ledger, some more work, and the commit
/// with its effect in Redis.
///
/// A fault can strike during each of these steps. One between the two effects is the hardest case: the ledger
/// has the message's effect, but Redis knows nothing of it and hands out the message again.
struct SimulatedConsumer: Sendable {
    /// The hash of how often each message's effect was applied in Redis.
    static let countsKey = "counts"
    static let totalsKey = "totals"

    let author: Author
    let ledger: EffectLedger
    let history: HistoryFile
    let totals: TotalsRule
    let pace: Pace
    let holdfast: Holdfast
    let sabotage: Sabotage?

    func handle(_ message: JSONValue, _ delivery: Delivery) async throws -> Decision {
        var begin = HistoryRecord(.handlerBegin, author: author)
        begin.message = delivery.id
        begin.attempt = delivery.attempt
        begin.fence = delivery.fencingToken.rawValue
        try history.append(begin)

        let share = try totals.share(of: message)
        let work = Double.random(in: 0.5..<1.5) * pace.messageMilliseconds
        await workRegardless(work * 0.6)
        // Even if the claim was lost meanwhile: a process that wakes from a freeze in the middle of a step
        // does not know it.
        let outcome = try await ledger.apply(
            Effect(
                message: delivery.id, share: share, fence: delivery.fencingToken.rawValue,
                attempt: delivery.attempt),
            by: author,
            askingInbox: sabotage != .noInbox
        )
        if sabotage == .effectBesideCommit { try await writeCounts(delivery, share) }
        await workRegardless(work * 0.4)

        var end = HistoryRecord(.handlerEnd, author: author)
        end.message = delivery.id
        end.attempt = delivery.attempt
        end.outcome = outcome.rawValue
        end.lost = !delivery.isHeld
        try history.append(end)
        guard sabotage != .effectBesideCommit else { return .commit }
        return .commit { effects in
            effects.increment(field: delivery.id, inHash: Self.countsKey)
            effects.increment(field: share.group, inHash: Self.totalsKey, by: Int(share.amount))
        }
    }

    /// What ``Sabotage/effectBesideCommit`` does instead of the commit.
    private func writeCounts(_ delivery: Delivery, _ share: Share) async throws {
        let keys = try holdfast.store(ofQueue: delivery.queue).keys
        for (hash, field, amount) in [
            (Self.countsKey, delivery.id, 1), (Self.totalsKey, share.group, share.amount),
        ] {
            _ = try await holdfast.core.link.send([
                "HINCRBY", .string(keys.effect(hash)), .string(field), .integer(amount),
            ])
        }
    }
}

/// Work that takes some time. A cancellation does not stop it; it only ends sooner.
func workRegardless(_ milliseconds: Double) async {
    try? await Task.sleep(for: .milliseconds(milliseconds))
}

internal import Holdfast

/// The periodic worker of a simulated instance. Its tick writes to a resource that checks the fence, some
/// time after its start: an instance that is frozen in between comes back with a stale write.
struct SimulatedWorker: PeriodicWorker {
    let name = "simulation"
    let author: Author
    let ledger: EffectLedger
    let history: HistoryFile
    let pace: Pace
    let lease: Duration
    let sabotage: Sabotage?

    var schedule: Schedule { .every(.milliseconds(pace.tickPeriodMilliseconds)) }

    func run(_ tick: Tick) async throws {
        try await run(tick.id, fence: tick.fencingToken.rawValue) { (try? tick.check()) != nil }
    }

    func run(_ tick: String, fence: Int64, isHeld: () -> Bool) async throws {
        try await SimulatedInstance.endingWithoutRecords {
            try await work(tick, fence: fence, isHeld: isHeld)
        }
    }

    private func work(_ tick: String, fence: Int64, isHeld: () -> Bool) async throws {
        try history.append(record(.tickBegin, tick, fence))
        try await ledger.startTick(tick, fence: fence, by: author)
        await workRegardless(Double(pace.tickMilliseconds))
        // No check of the lease here, on purpose: the fence alone must stop a stale write.
        let isAccepted = try await ledger.writeTick(
            tick, fence: fence, by: author, comparingFences: sabotage != .noFenceCheck)
        var end = record(.tickEnd, tick, fence)
        end.outcome = isAccepted ? "accepted" : "refused"
        end.lost = !isHeld()
        try history.append(end)
    }

    private func record(_ event: HistoryRecord.Event, _ tick: String, _ fence: Int64) -> HistoryRecord {
        var record = HistoryRecord(event, author: author)
        record.tick = tick
        record.fence = fence
        return record
    }
}

import RedisLink
import Testing

@testable import Holdfast

/// Calls a worker's scripts as its loop does, with tokens that are told apart by their names.
struct TickBench: Sendable {
    let holdfast: Holdfast
    var script = Scripts.tick
    var options = WorkerOptions()
    var schedule: Schedule = .every(.seconds(1))
    var finishScript = Scripts.finish
    var keys: WorkerKeys {
        get throws { try WorkerKeys("w", concurrency: options.concurrency, in: holdfast.core.keys) }
    }

    /// Looks for a run; for the tick `nominal` where one is given.
    func look(
        _ token: String, _ nominal: Int64? = nil, cursor: Int64? = nil, era: Int64 = 0, seed: Int64? = nil,
        latest: Int64? = nil, goingBy: Schedule? = nil, lease: Duration = .seconds(60)
    ) async throws -> TickAnswer {
        func number(_ value: Int64?) -> RedisArgument { value.map { .integer($0) } ?? "" }
        let reply = try await holdfast.core.link.evaluate(
            script, keys: keys.ofTick,
            arguments: [
                .string(token), "1 host", .init(milliseconds: lease), "60000", .init(options.history),
                .init(options.afterCrash.attempts), schedule.followsRuns ? "1" : "", .init(options.version),
                .string(schedule.description), .string((goingBy ?? schedule).description), number(seed),
                .string(cursor.map { TickInstant(milliseconds: $0, era: era).description } ?? ""),
                number(nominal), number(nominal), number(latest),
            ])
        return try #require(TickAnswer(reply), "\(reply.value)")
    }

    /// Records an end and releases the lock, as a run does. False where the run was another's.
    @discardableResult
    func finish(_ token: String, _ outcome: RunOutcome = .succeeded, slot: Int = 1, again: Bool = false)
        async throws -> Bool
    {
        let reply = try await holdfast.core.link.evaluate(
            finishScript, keys: [keys.worker, keys.history],
            arguments: [
                .string(token), .init(slot), .string(outcome.rawValue), "", .init(options.history),
                schedule.followsRuns ? "1" : "", again ? "1" : "",
            ])
        _ = try await holdfast.core.link.evaluate(
            Scripts.release, keys: [keys.locks[slot - 1]], arguments: [.string(token)])
        return reply.isYes
    }

    /// As if the instance of the run had died, and its lease were over.
    func die(slot: Int = 1) async throws {
        try await holdfast.redis("DEL", .string(keys.locks[slot - 1]))
    }

    /// The fields of the ended runs, oldest first.
    func history(_ field: String) async throws -> [String] {
        let entries = try await holdfast.redis("XRANGE", .string(keys.history), "-", "+").array ?? []
        return entries.compactMap { entry in
            let fields = entry.array?.last?.array?.map { $0.string ?? "" } ?? []
            return fields.firstIndex(of: field).map { fields[$0 + 1] }
        }
    }
}

extension TickAnswer {
    var run: ClaimedRun? { if case .claimed(let run) = verdict { run } else { nil } }
    var reason: Reason? { if case .waiting(let reason, _) = verdict { reason } else { nil } }
}

/// The calls of a worker `w` that runs every second.
func tickClaim(of holdfast: Holdfast, lease: Duration, options: WorkerOptions = WorkerOptions()) throws
    -> TickClaim
{
    let worker = TestWorker(schedule: .every(.seconds(1)), lease: lease, options: options) { _ in }
    return try TickClaim(worker, caller: "1 host", link: holdfast.core.link, keys: holdfast.core.keys)
}

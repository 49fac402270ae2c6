internal import Foundation
internal import Holdfast
internal import RedisLink

/// Reads what a run left in Redis.
struct RunResults: Sendable {
    let holdfast: Holdfast
    let queue: String

    /// Whether all messages that were sent are settled.
    func queueIsEmpty() async throws -> Bool {
        let stats = try await holdfast.store(ofQueue: queue).status()
        return stats.ready == 0 && stats.inFlight == 0 && stats.delayed == 0
    }

    func leftovers() async throws -> [String: Int] {
        let stats = try await holdfast.store(ofQueue: queue).status()
        let keys = try holdfast.store(ofQueue: queue).keys
        var times = 0
        for key in [keys.waiting, keys.scheduled] {
            times += Int(try await holdfast.core.link.send(["ZCARD", .string(key)]).value.integer ?? 0)
        }
        return [
            "ready messages": stats.ready, "claims": stats.inFlight,
            "messages waiting for a retry": stats.delayed,
            "dead letters": stats.dead, "due times": times,
        ]
    }

    func effects() async throws -> Observations.RedisEffects {
        Observations.RedisEffects(
            counts: try await numbers(inHash: SimulatedConsumer.countsKey),
            totals: try await numbers(inHash: SimulatedConsumer.totalsKey)
        )
    }

    private func numbers(inHash name: String) async throws -> [String: Int64] {
        let key = try holdfast.store(ofQueue: queue).keys.effect(name)
        let entries = try await holdfast.core.link.send(["HGETALL", .string(key)]).value.array ?? []
        var numbers: [String: Int64] = [:]
        for index in stride(from: 1, to: entries.count, by: 2) {
            guard let field = entries[index - 1].string else { continue }
            // Added up: two spellings of one text are two fields, and one name here as in the input.
            numbers[field, default: 0] += entries[index].integer ?? 0
        }
        return numbers
    }
}

import Foundation
import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// What an earlier version left in Redis, as the commands that put it there: Tests/StoredData has a file for each
/// format, and its README tells how it was made.
@Suite("Data of the version before")
struct StoredDataTests {
    private struct StoredOrder: Codable, Sendable {
        var number: Int
        var cents: Int
        var placed: Date
    }

    /// Runs `body` with an instance whose namespace `t` holds the stored data.
    private func withStoredData(
        _ body: @Sendable (Holdfast) async throws -> Void
    ) async throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../StoredData/format-1.ndjson").standardizedFileURL
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        try #require(lines.count > 20)
        try await withHoldfast { holdfast, _ in
            for line in lines {
                let words = try JSONDecoder().decode([String].self, from: Data(line.utf8))
                _ = try await holdfast.core.link.send(RedisCommand(words.map(RedisArgument.string)))
            }
            try await body(holdfast)
        }
    }

    @Test("its messages are handled once, those with a key in order, and none that was committed again")
    func messages() async throws {
        try await withStoredData { holdfast in
            let orders = holdfast.queue("orders", of: StoredOrder.self)
            let handled = Record<String>()
            let dates = Record<Date>()
            holdfast.handle(orders, options: .quick()) { order, delivery in
                handled.add("\(delivery.id) \(delivery.attempt)")
                dates.add(order.placed)
                return .commit { effects in effects.increment("cents", by: order.cents) }
            }
            try await holdfast.whileRunning {
                #expect(await eventually { handled.count >= 9 })
                // What was committed or lies among the dead letters is known by its id.
                for id in ["done-1", "done-2", "dead-1"] {
                    let order = StoredOrder(number: 1, cents: 1, placed: .now)
                    #expect(try await orders.send(order, id: id) == .duplicate)
                }
                let letters = try await orders.deadLetters()
                #expect(Set(letters.map(\.id)) == ["dead-1", "dead-2"])
                #expect(try await orders.replay(letters) == 2)
                #expect(await eventually { handled.count >= 11 })
                #expect(await eventually { (try? await orders.status().inFlight) == 0 })
                // Two were committed before.
                let cents = 2 + 10 + 11 + 12 + 13 + 20 + 30 + 31 + 33 + 1 + 1 + 1
                let counted = try await holdfast.redis("GET", .string(orders.effectKey("cents"))).string
                #expect(counted == "\(cents)")
                #expect(try await orders.status().delayed == 1, "one is due in 2100")
            }
            // The claims of the instance that died, then what waited or was new.
            let expected = [
                "high-1 2", "key-11 2", "key-12 1", "key-13 1", "unique-1 2", "low-1 1", "new-1 1",
                "soon-1 1",
                "retry-1 3", "dead-1 1", "dead-2 1",
            ]
            #expect(handled.all.sorted() == expected.sorted())
            #expect(handled.all.filter { $0.hasPrefix("key") } == ["key-11 2", "key-12 1", "key-13 1"])
            #expect(Set(dates.all) == [Date(timeIntervalSince1970: 1_780_000_000.25)])
        }
    }

    @Test("a queue that was paused is, and a window of uniqueness goes on")
    func pausedQueue() async throws {
        try await withStoredData { holdfast in
            let paused = holdfast.queue("paused", of: StoredOrder.self)
            let stats = try await paused.status()
            #expect(stats.pausedFor != nil)
            #expect(stats.ready == 1)
            let orders = holdfast.queue("orders", of: StoredOrder.self)
            let order = StoredOrder(number: 1, cents: 1, placed: .now)
            let options = SendOptions(unique: .init("once-only", for: .seconds(1)))
            #expect(try await orders.send(order, id: "another", options: options) == .duplicate)
        }
    }

    @Test("its locks are held, and fences rise over those it gave out")
    func locks() async throws {
        try await withStoredData { holdfast in
            let lock = try #require(try await holdfast.lockStatus("invoice-42"))
            let fence = try #require(lock.holder.fencingToken)
            #expect(lock.holder.instanceID != nil)
            #expect(try await holdfast.waiters(of: "invoice-42").count == 1)
            #expect(try await holdfast.tryAcquire("invoice-42").lease == nil)
            _ = try await holdfast.redis("DEL", "t:{invoice-42}:lock", "t:{invoice-42}:waiters")
            let lease = try #require(try await holdfast.tryAcquire("invoice-42").lease)
            #expect(try lease.fencingToken > fence)
            try await lease.release()

            let report = try #require(try await holdfast.fencedRead("report"))
            #expect(report.bytes == Array("the report".utf8))
            try await holdfast.withLock("report") { lease in
                let fence = try lease.fencingToken
                #expect(fence > report.fencingToken)
            }
        }
    }

    @Test("what was done once is known by its result, and what goes on is not begun again")
    func once() async throws {
        try await withStoredData { holdfast in
            let never: @Sendable (OnceClaim) async throws -> Int = { _ in
                Issue.record("it ran again")
                return 0
            }
            guard case .alreadyDone(42) = try await holdfast.once("evt-1", in: "stripe", never) else {
                Issue.record("the result is not known")
                return
            }
            guard case .inProgressElsewhere = try await holdfast.once("evt-2", in: "stripe", never) else {
                Issue.record("the claim is not known")
                return
            }
        }
    }

    @Test("a run whose instance died is begun again under its id, and steering holds")
    func workers() async throws {
        try await withStoredData { holdfast in
            let statuses = try await holdfast.workers()
            #expect(statuses.map(\.name) == ["nightly", "resting"])
            #expect(statuses.allSatisfy { $0.unreadable.isEmpty })
            let before = try #require(statuses.first)
            let run = try #require(before.runs.first)
            #expect(before.version == 3)
            #expect(before.lastRun?.outcome == .succeeded)
            #expect(statuses.last?.scheduleText == "cron 30 4 * * *")
            #expect(statuses.last?.pausedSince != nil)

            let begun = Record<String>()
            let options = WorkerOptions(afterCrash: .runAgain(attempts: 5), version: 3)
            holdfast.add(worker: "nightly", .every(.seconds(3600)), options: options) { tick in
                begun.add("\(tick.id) \(tick.attempt)")
            }
            try await holdfast.whileRunning { #expect(await eventually { begun.count >= 1 }) }
            #expect(begun.all.first == "\(run.tickID) 2")
        }
    }
}

import Foundation
import HoldfastTesting
import Logging
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// That no two ticks of a worker have one id, whatever the clock of the server does.
@Suite("The id of a tick")
struct TickIdentityTests {
    private let hour: Int64 = 3_600_000

    private func id(_ run: ClaimedRun) -> String {
        TickInstant(milliseconds: run.nominal, era: run.era).tickID(of: "w", isTriggered: run.isTriggered)
    }

    /// The ids of `count` runs that are asked for one after the other, and the answer that shows the server's time.
    private func triggered(_ count: Int, _ bench: TickBench) async throws -> [ClaimedRun] {
        var runs: [ClaimedRun] = []
        for number in 0..<count {
            #expect(try await bench.holdfast.worker("w").trigger())
            let token = "i:\(UUID())\(number)"
            runs.append(try #require(try await bench.look(token).run))
            #expect(try await bench.finish(token))
        }
        return runs
    }

    @Test("is another one for each run that is asked for, also under a clock that stands still")
    func standingClock() async throws {
        let holdfast = try InMemoryRedis(clock: ManualClock(), logger: .quiet).holdfast()
        let bench = TickBench(holdfast: holdfast)
        let now = try await bench.look("i:a", seed: 1).serverTime
        let runs = try await triggered(20, bench)
        #expect(runs.map(\.nominal) == Array(now..<now + 20))
        #expect(Set(runs.map(id)).count == 20)
        await holdfast.close()
    }

    @Test(
        "is another one for each run that is asked for after the clock was set back, and beside a tick of that instant",
        arguments: Backend.all)
    func clockSetBack(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let now = try await bench.look("i:a", seed: 1).serverTime
            // The last one was asked for while the clock was an hour ahead.
            try await holdfast.redis(
                "HSET", .string(bench.keys.worker), "asked", .integer(now + hour))
            let runs = try await triggered(3, bench)
            #expect(runs.map(\.nominal) == [now + hour + 1, now + hour + 2, now + hour + 3])
            let tick = try #require(try await bench.look("i:tick", now, cursor: 1).run)
            #expect(try await bench.finish("i:tick"))
            #expect(id(tick) == "w@\(now)" && runs.map(id).allSatisfy { $0.hasSuffix("!") })
        }
    }

    @Test(
        "is not that of a tick before the clock was set back: the worker says so, and a rewind lets it go on",
        arguments: Backend.all)
    func rewind(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let now = try await bench.look("i:a", seed: 1).serverTime
            #expect(try await holdfast.worker("w").status()?.clockLag == nil)
            #expect(try await holdfast.worker("w").steer(.rewind) == .unchanged)
            #expect(try await bench.look("i:a").era == 0)
            // A tick that began while the clock was two hours ahead.
            try await holdfast.redis(
                "HSET", .string(bench.keys.worker), "cursor", .integer(now + 2 * hour))
            let lag = try #require(try await holdfast.worker("w").status()?.clockLag)
            #expect(lag > .seconds(7_000) && lag < .seconds(7_202))
            #expect(try await bench.look("i:a", now - 1, cursor: now + 2 * hour).reason == .moved)
            #expect(try await holdfast.worker("w").steer(.rewind) == .changed)
            #expect(try await holdfast.worker("w").steer(.rewind) == .unchanged)
            #expect(try await holdfast.worker("w").status()?.clockLag == nil)
            let answer = try await bench.look("i:a")
            let cursor = try #require(answer.cursor)
            #expect(answer.era == 1 && cursor >= now && cursor <= answer.serverTime)
            // What was known of the cursor before is not enough to claim.
            #expect(try await bench.look("i:a", cursor + 1, cursor: cursor).reason == .moved)
            while try await bench.look("i:a").serverTime <= cursor {}
            let run = try #require(try await bench.look("i:b", cursor + 1, cursor: cursor, era: 1).run)
            #expect(id(run) == "w@\(cursor + 1)~1")
            #expect(try await holdfast.worker("w").status()?.runs.map(\.tickID) == ["w@\(cursor + 1)~1"])
            #expect(try await bench.finish("i:b"))
            #expect(try await holdfast.worker("w").runs().map(\.tickID) == ["w@\(cursor + 1)~1"])
            #expect(try await bench.look("i:c").era == 1)
        }
    }

    @Test(
        "is another one where a delay counts from the end of a run, and the clock was set back during that",
        arguments: Backend.all)
    func delay(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast, schedule: .after(.seconds(1)))
            let now = try await bench.look("i:a", seed: 1).serverTime
            let first = try #require(try await bench.look("i:a", now - 10, cursor: 1).run)
            // As if the tick had been claimed while the clock was an hour ahead.
            try await holdfast.redis("HSET", .string(bench.keys.worker), "cursor", .integer(now + hour))
            #expect(try await bench.finish("i:a"))
            let answer = try await bench.look("i:b")
            #expect(answer.era == 1 && (answer.cursor ?? .max) <= answer.serverTime)
            // The same instant again.
            try await holdfast.redis("HSET", .string(bench.keys.worker), "cursor", .string("\(now - 11)~1"))
            let second = try #require(try await bench.look("i:b", now - 10, cursor: now - 11, era: 1).run)
            #expect(first.nominal == second.nominal && id(first) != id(second))
        }
    }

    @Test("a worker that waits for a clock that was set back warns once, and goes on when it is rewound")
    func running() async throws {
        try await withPrivateRedisServer { server in
            let lines = Record<String>()
            let logger = Logger.recording(lines)
            let holdfast = try Holdfast(redis: server.url, namespace: "t", logger: logger)
            let operations = try client(of: server)
            let ids = Record<String>()
            holdfast.add(TestWorker { ids.add($0.id) })
            try await holdfast.whileRunning {
                #expect(await eventually { ids.count >= 2 })
                try await operations.worker("w").pause()
                let bench = TickBench(holdfast: operations)
                let isIdle = try await eventually {
                    try await operations.worker("w").status()?.runs.isEmpty == true
                }
                #expect(isIdle)
                let now = try await operations.redis("TIME").array?.first?.integer ?? 0
                try await operations.redis(
                    "HSET", .string(bench.keys.worker), "cursor", .integer((now + 7200) * 1000))
                try await operations.worker("w").resume()
                func warnings() -> [String] { lines.all.filter { $0.contains("was set back") } }
                #expect(await eventually { warnings().count == 1 })
                #expect(warnings()[0].hasPrefix("warning") && warnings()[0].contains("workers rewind"))
                // Looked at again it is not told again.
                #expect(try await operations.worker("w").trigger())
                #expect(await eventually { ids.all.last?.hasSuffix("!") == true })
                #expect(try await operations.worker("w").rewind())
                #expect(await eventually { ids.all.last?.hasSuffix("~1") == true })
                #expect(warnings().count == 1)
            }
            #expect(Set(ids.all).count == ids.count)
            await operations.close()
        }
    }
}

import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

@Suite("The tick script")
struct TickScriptTests {
    @Test("begins the cursor of a worker that has none, once", arguments: Backend.all)
    func seed(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let first = try await bench.look("i:a")
            #expect(first.cursor == nil)
            #expect(try await bench.look("i:a", seed: 500).cursor == 500)
            #expect(try await bench.look("i:a", seed: 900).cursor == 500)
        }
    }

    @Test("grants a tick once, with a rising fence", arguments: Backend.all)
    func once(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let first = try #require(try await bench.look("i:a", 1_000, cursor: 500, seed: 500).run)
            #expect(first.nominal == 1_000 && first.attempt == 1 && !first.isTriggered)
            #expect(try await bench.look("i:b", 1_000, cursor: 500).reason == .moved)
            #expect(try await bench.look("i:b", 2_000, cursor: 1_000).reason == .running)
            #expect(try await bench.finish("i:a"))
            #expect(try await bench.look("i:b", 1_000, cursor: 500).cursor == 1_000)
            let second = try #require(try await bench.look("i:b", 2_000, cursor: 1_000).run)
            #expect(second.fence > first.fence)
        }
    }

    @Test(
        "does not grant a tick before it is due on the server's clock, nor one that is too late",
        arguments: Backend.all)
    func early(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let now = try await bench.look("i:a", seed: 1).serverTime
            #expect(try await bench.look("i:a", now + 60_000, cursor: 1).reason == .early)
            #expect(try await bench.look("i:a", 1_000, cursor: 1, latest: now - 1).reason == .late)
            #expect(try await bench.look("i:a", 1_000, cursor: 1).run != nil)
        }
    }

    @Test("answers a repeated claim like the first one, and prolongs the run", arguments: Backend.all)
    func repeated(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let first = try await bench.look("i:a", 1_000, cursor: 1, seed: 1, lease: .seconds(1)).run
            #expect(try await bench.look("i:a", 1_000, cursor: 1).run == first && first != nil)
            let lock = try bench.keys.locks[0]
            #expect(try #require(try await holdfast.redis("PTTL", .string(lock)).integer) > 30_000)
        }
    }

    @Test(
        "lets as many runs go on at the same time as it is told, each with a lock of its own",
        arguments: Backend.all)
    func overlap(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast, options: WorkerOptions(concurrency: 2))
            let first = try await bench.look("i:a", 1_000, cursor: 1, seed: 1)
            #expect(first.run?.slot == 1)
            #expect(try await bench.look("i:b", 2_000, cursor: 1_000).run?.slot == 2)
            #expect(try await bench.look("i:c", 3_000, cursor: 2_000).reason == .running)
            #expect(try await bench.finish("i:a", slot: 1))
            #expect(try await bench.look("i:c", 3_000, cursor: 2_000).run?.slot == 1)
        }
    }

    @Test("records a run whose instance died as lost, once, and goes on", arguments: Backend.all)
    func lost(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", 1_000, cursor: 1, seed: 1)
            try await bench.die()
            #expect(try await bench.look("i:b").reason == .asked)
            #expect(try await bench.look("i:b", 2_000, cursor: 1_000).run != nil)
            #expect(try await bench.history("outcome") == ["lost"])
            #expect(try await !bench.finish("i:a"), "the end of a lost run is not recorded")
            #expect(try await bench.finish("i:b"))
            #expect(try await bench.history("outcome") == ["lost", "succeeded"])
        }
    }

    @Test(
        "gives a run whose instance died to another one, under its tick and with a higher fence, so often",
        arguments: Backend.all)
    func again(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let options = WorkerOptions(afterCrash: .runAgain(attempts: 3))
            let bench = TickBench(holdfast: holdfast, options: options)
            var fences: [FencingToken] = []
            var answer = try await bench.look("i:0", 1_000, cursor: 1, seed: 1)
            for attempt in 1...3 {
                let run = try #require(answer.run)
                #expect(run.nominal == 1_000 && run.attempt == attempt)
                fences.append(run.fence)
                try await bench.die()
                answer = try await bench.look("i:\(attempt)")
            }
            #expect(answer.reason == .asked)
            #expect(zip(fences, fences.dropFirst()).allSatisfy { $0 < $1 })
            #expect(try await bench.history("attempt") == ["1", "2", "3"])
        }
    }

    @Test(
        "gives a run that was handed back to another one at once, and its former owner cannot end it",
        arguments: Backend.all)
    func handedBack(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let options = WorkerOptions(afterCrash: .runAgain(attempts: 2))
            let bench = TickBench(holdfast: holdfast, options: options)
            _ = try await bench.look("i:a", 1_000, cursor: 1, seed: 1)
            #expect(try await bench.finish("i:a", .stopped, again: true))
            let run = try #require(try await bench.look("i:b").run)
            #expect(run.nominal == 1_000 && run.attempt == 2)
            #expect(try await !bench.finish("i:a"))
            #expect(try await bench.history("outcome") == ["stopped"])
        }
    }

    @Test(
        "counts a delay from the end of the run, and from when its death was noticed", arguments: Backend.all)
    func delay(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast, schedule: .after(.seconds(1)))
            _ = try await bench.look("i:a", 1_000, cursor: 1, seed: 1)
            #expect(try await bench.finish("i:a"))
            let answer = try await bench.look("i:b")
            let cursor = try #require(answer.cursor)
            #expect(cursor > 1_000 && cursor <= answer.serverTime)
            while try await bench.look("i:b").serverTime <= cursor {}
            let run = try await bench.look("i:b", cursor + 1, cursor: cursor).run
            #expect(run?.nominal == cursor + 1)
            try await bench.die()
            let noticed = try await bench.look("i:c")
            #expect(noticed.cursor == noticed.serverTime)
        }
    }

    @Test("keeps so many ended runs and no more", arguments: Backend.all)
    func bounded(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast, options: WorkerOptions(history: 3))
            _ = try await bench.look("i:a", seed: 0)
            for nominal in 1...Int64(10) {
                _ = try await bench.look("i:\(nominal)", nominal, cursor: nominal - 1)
                #expect(try await bench.finish("i:\(nominal)"))
            }
            #expect(try await bench.history("tick") == ["8", "9", "10"])
        }
    }

    @Test("tells a worker that its claim succeeded although the reply was lost")
    func lostReply() async throws {
        try await withPrivateRedisServer { server in
            // The first call finds the script unknown, the second asks again, the third claims.
            let lost = FaultRule(.reply, of: "EVALSHA", .call(3), [.drop, .reset])
            let proxy = try FaultProxy(to: server.unixURL, rules: [lost])
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let claim = try tickClaim(of: holdfast, lease: .seconds(5))
            let schedule = claim.schedule
            _ = try await claim.look(.init(seed: 1), goingBy: schedule, token: "i:0")
            _ = try await claim.look(.init(), goingBy: schedule, token: "i:0")
            let tick = TickMachine.DueTick(nominal: 1_000, cursor: 1, due: 1_000)
            let reply = try await claim.look(.init(tick: tick), goingBy: schedule, token: "i:a")
            #expect(proxy.log.count >= 1, "the fault was felt")
            #expect(reply.answer.run?.nominal == 1_000)
            await holdfast.close()
        }
    }

    @Test(
        "without its compare lets two instances run one tick, and the check of the runs notices",
        arguments: Backend.all)
    func broken(_ backend: Backend) async throws {
        /// Two instances saw the same cursor; the second comes when the first is through. Returns who ran the
        /// tick.
        @Sendable func runs(_ script: RedisScript, _ holdfast: Holdfast) async throws -> [String] {
            let bench = TickBench(holdfast: holdfast, script: script)
            var runs: [String] = []
            for token in ["i:a", "i:b"] {
                if try await bench.look(token, 1_000, cursor: 500, seed: 500).run != nil {
                    runs.append(token)
                    try await bench.finish(token)
                }
            }
            return runs
        }
        try await withHoldfast(on: backend) { holdfast, _ in
            #expect(try await runs(Scripts.tick, holdfast) == ["i:a"])
            try await holdfast.redis("FLUSHALL")
            let broken = try Scripts.tick.broken(
                "if cursor ~= ARGV[12] or at and tonumber(ARGV[13]) <= tonumber(at) then", "if false then")
            #expect(try await runs(broken, holdfast) == ["i:a", "i:b"])
        }
    }
}

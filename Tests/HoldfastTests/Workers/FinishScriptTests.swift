import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

@Suite("The end of a run")
struct FinishScriptTests {
    @Test("is recorded once, however often it is told", arguments: Backend.all)
    func once(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", 1_000, cursor: 1, seed: 1)
            #expect(try await bench.finish("i:a"))
            #expect(try await !bench.finish("i:a"))
            #expect(try await bench.history("outcome") == ["succeeded"])
        }
    }

    @Test(
        "is recorded although its lease is over, as long as nobody has noticed that", arguments: Backend.all)
    func late(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", 1_000, cursor: 1, seed: 1)
            try await bench.die()
            #expect(try await bench.finish("i:a"))
            #expect(try await bench.look("i:b", 2_000, cursor: 1_000).run != nil)
            #expect(try await bench.history("outcome") == ["succeeded"])
        }
    }

    @Test(
        "without the check of its owner ends another's run, and the test of the history notices",
        arguments: Backend.all)
    func broken(_ backend: Backend) async throws {
        /// An instance was paused past its lease; another has begun the tick again and died when the first
        /// tells its end. Returns whether the tick is begun a third time.
        @Sendable func isNoticed(_ finish: RedisScript, _ holdfast: Holdfast) async throws -> Bool {
            let options = WorkerOptions(afterCrash: .runAgain(attempts: 5))
            let bench = TickBench(holdfast: holdfast, options: options, finishScript: finish)
            _ = try await bench.look("i:paused", 1_000, cursor: 1, seed: 1)
            try await bench.die()
            let second = try await bench.look("i:second").run
            #expect(second?.attempt == 2)
            try await bench.finish("i:paused")
            try await bench.die()
            return try await bench.look("i:third").run?.attempt == 3
        }
        try await withHoldfast(on: backend) { holdfast, _ in
            #expect(try await isNoticed(Scripts.finish, holdfast))
            try await holdfast.redis("FLUSHALL")
            let broken = try Scripts.finish.broken(
                "if owner ~= token then return {2 * number, now, cursor} end", "")
            #expect(try await !isNoticed(broken, holdfast))
        }
    }

    @Test("of which the answer is lost is told again, and stands in the history once, as what it was")
    func lostReply() async throws {
        try await withPrivateRedisServer { server in
            let proxy = try FaultProxy(to: server.unixURL)
            let told = Record<WorkerRun>()
            var configuration = Holdfast.Configuration()
            configuration.runObserver = { run, _ in told.add(run) }
            let holdfast = try Holdfast(
                redis: proxy.url, namespace: "t", configuration: configuration, logger: .quiet)
            let operations = try client(of: server)
            try await operations.redis("SCRIPT", "LOAD", .string(Scripts.finish.source))
            let runs = Record<Tick>()
            holdfast.add(
                TestWorker(schedule: .every(.seconds(86_400), runOnStart: true)) { tick in
                    runs.add(tick)
                    // The next script on this connection is the end.
                    proxy.setRules([FaultRule(.reply, of: "EVALSHA", .call(1), [.drop, .reset])])
                })
            try await holdfast.whileRunning { #expect(await eventually { told.count == 1 }) }
            #expect(proxy.log.map(\.action) == [.drop, .reset], "the fault was felt")
            #expect(told.all.map(\.outcome) == [.succeeded])
            #expect(try await operations.worker("w").runs().map(\.outcome) == [.succeeded])
            #expect(runs.count == 1)
        }
    }

    @Test(
        "cannot be recorded when Redis lost all it had: the run counts as lost, and the worker goes on",
        arguments: Backend.all)
    func dataLoss(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { operations, server in
            let told = Record<WorkerRun>()
            var configuration = Holdfast.Configuration()
            configuration.runObserver = { run, _ in told.add(run) }
            let holdfast = try server.make(configuration)
            let ticks = Record<Int64>()
            holdfast.add(
                TestWorker { tick in
                    ticks.add(tick.nominalMilliseconds)
                    if ticks.count == 1 { try await operations.redis("FLUSHALL") }
                })
            try await holdfast.whileRunning { #expect(await eventually { told.count >= 3 }) }
            #expect(told.all.first?.outcome == .lost && told.all.last?.outcome == .succeeded)
            #expect(ticks.all == Array(Set(ticks.all)).sorted(), "no tick ran twice")
        }
    }
}

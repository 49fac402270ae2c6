import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite("A periodic worker's policies")
struct WorkerPolicyTests {
    /// Of a worker whose ticks are so rare that none comes due in a test but the one at the start.
    private let rare: Schedule = .every(.seconds(86_400), runOnStart: true)

    @Test("a worker that runs on start does so once, however many instances start", arguments: Backend.all)
    func onStart(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let ran = Record<String>()
            for (name, holdfast) in [("first", first), ("second", second)] {
                holdfast.add(TestWorker(schedule: rare) { _ in ran.add(name) })
                holdfast.add(
                    TestWorker(name: "probe \(name)", schedule: rare) { _ in ran.add("probe") })
            }
            try await first.whileRunning {
                #expect(await eventually { ran.count >= 2 })
                try await second.whileRunning { #expect(await eventually { ran.count >= 3 }) }
            }
            #expect(ran.all.filter { $0 != "probe" } == ["first"])
        }
    }

    @Test("missed ticks are caught up one by one, in order, where that is asked for", arguments: Backend.all)
    func catchUp(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let second: Int64 = 1000
            let bench = TickBench(holdfast: holdfast)
            let now = try await bench.look("i:a").serverTime
            // All instances were down for ten periods.
            _ = try await bench.look("i:a", seed: now - 10 * second)
            let ticks = Record<Int64>()
            let options = WorkerOptions(missed: .catchUp(atMost: 5))
            holdfast.add(
                TestWorker(schedule: .every(.seconds(1)), options: options) { tick in
                    ticks.add(tick.nominalMilliseconds)
                })
            try await holdfast.whileRunning { #expect(await eventually { ticks.count >= 6 }) }
            let all = ticks.all
            #expect(all[0] > now - 5 * second)
            #expect(zip(all, all.dropFirst()).allSatisfy { $1 - $0 == second }, "\(all)")
        }
    }

    @Test("runs overlap across instances as far as that is allowed", arguments: Backend.all)
    func overlap(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let gate = Gate()
            let begun = Record<FencingToken>()
            let worker = TestWorker(options: WorkerOptions(concurrency: 3)) { tick in
                begun.add(tick.fencingToken)
                try await gate.pass()
            }
            for holdfast in [first, second] { holdfast.add(worker) }
            try await first.whileRunning {
                try await second.whileRunning {
                    #expect(await eventually { begun.count == 3 })
                    // Further ticks come due and do not begin.
                    let cursor = try await TickBench(holdfast: first).look("i:z").cursor ?? 0
                    #expect(
                        await eventually {
                            (try? await TickBench(holdfast: first).look("i:z").serverTime) ?? 0 > cursor + 150
                        })
                    #expect(begun.count == 3)
                    gate.open()
                }
            }
            #expect(Set(begun.all).count == begun.count)
        }
    }

    @Test(
        "a run whose instance died is begun again by another one, under the same id, where that is asked for",
        arguments: Backend.all)
    func runAgain(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let options = WorkerOptions(afterCrash: .runAgain(attempts: 2))
            let claim = try tickClaim(of: holdfast, lease: .milliseconds(300), options: options)
            _ = try await claim.look(.init(seed: 1), goingBy: claim.schedule, token: "dead:0")
            let tick = TickMachine.DueTick(nominal: 1_000, cursor: 1, due: 1_000)
            let dead = try await claim.look(.init(tick: tick), goingBy: claim.schedule, token: "dead:1")
            let ticks = Record<Tick>()
            holdfast.add(TestWorker(schedule: .every(.seconds(1)), options: options) { ticks.add($0) })
            try await holdfast.whileRunning { #expect(await eventually { ticks.count >= 1 }) }
            let again = try #require(ticks.all.first)
            #expect(again.id == "w@1000" && again.attempt == 2)
            #expect(again.fencingToken > (try #require(dead.answer.run).fence))
        }
    }

    @Test(
        "a run that a stop cancelled is begun again elsewhere at once, where that is asked for",
        arguments: Backend.all)
    func stopHandsBack(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { patient, server in
            var configuration = Holdfast.Configuration()
            configuration.stopDeadline = .milliseconds(20)
            let hasty = try server.make(configuration)
            let began = Record<String>()
            let never = Gate()
            let options = WorkerOptions(afterCrash: .runAgain(attempts: 2))
            for (name, holdfast) in [("hasty", hasty), ("patient", patient)] {
                holdfast.add(
                    TestWorker(schedule: rare, lease: .seconds(60), options: options) { tick in
                        began.add("\(name) \(tick.attempt)")
                        if name == "hasty" { try await never.pass() }
                    })
            }
            try await hasty.whileRunning { #expect(await eventually { began.count == 1 }) }
            try await patient.whileRunning { #expect(await eventually { began.count == 2 }) }
            #expect(began.all == ["hasty 1", "patient 2"])
        }
    }

    @Test(
        "a run that takes longer than it may is cancelled and recorded as timed out", arguments: Backend.all)
    func maximumRun(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { observer, server in
            let ended = Record<WorkerRun>()
            var configuration = Holdfast.Configuration()
            configuration.runObserver = { run, _ in ended.add(run) }
            let holdfast = try server.make(configuration)
            let never = Gate()
            holdfast.add(
                TestWorker(schedule: rare, options: WorkerOptions(maximumRun: .milliseconds(30))) { tick in
                    #expect(tick.deadline != nil)
                    try await never.pass()
                })
            try await holdfast.whileRunning { #expect(await eventually { ended.count == 1 }) }
            #expect(ended.all[0].outcome == .timedOut)
            #expect(try await TickBench(holdfast: observer).history("outcome") == ["timed out"])
        }
    }

    @Test(
        "an option out of range is refused by its name, with its value and its range",
        arguments: [
            (WorkerOptions(concurrency: 0), "concurrency must be from 1 to 16, not 0"),
            (WorkerOptions(concurrency: 17), "concurrency must be from 1 to 16, not 17"),
            (WorkerOptions(version: -1), "version must be from 0 to 1000000000, not -1"),
            (WorkerOptions(history: 10_001), "history must be from 0 to 10000, not 10001"),
            (WorkerOptions(maximumRun: .zero), "maximumRun must be at least 1ms, not 0s"),
            (
                WorkerOptions(missed: .catchUp(atMost: 0)),
                "the missed ticks that are caught up must be from 1 to 1000, not 0"
            ),
            (
                WorkerOptions(missed: .skip(tolerance: .zero)),
                "the tolerance of missed ticks must be at least 100ms, not 0s"
            ),
            (
                WorkerOptions(afterCrash: .runAgain(attempts: 0)),
                "the attempts of afterCrash must be at least 1, not 0"
            ),
        ])
    func invalid(options: WorkerOptions, message: String) {
        let error = #expect(throws: HoldfastError.self) { try options.validated(with: rare) }
        #expect(error?.code == .invalidArgument && error?.message == message)
    }

    @Test(
        "a delay that reaches back before 1970 runs once on start, and leaves a cursor that others can go on from",
        arguments: Backend.all)
    func onceEver(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let ticks = Record<String>()
            let schedule = Schedule.after(.seconds(60 * 366 * 86_400), runOnStart: true)
            first.add(TestWorker(schedule: schedule) { ticks.add($0.id) })
            try await first.whileRunning {
                let isRecorded = try await eventually { try await first.worker("w").runs().count == 1 }
                #expect(isRecorded)
            }
            #expect(ticks.count == 1)
            let second = try client(of: server)
            second.add(TestWorker(options: WorkerOptions(version: 1)) { ticks.add($0.id) })
            try await second.whileRunning { #expect(await eventually { ticks.count >= 3 }) }
        }
    }

    @Test("a cursor before 1970 is gone on from", arguments: Backend.all)
    func ancientCursor(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            // As an earlier version left it, of `.after(60 years, runOnStart: true)`.
            _ = try await TickBench(holdfast: holdfast).look("i:a", seed: -134_000_000_000)
            #expect(try await holdfast.worker("w").status()?.nextTick != nil)
            let ticks = Record<Int64>()
            holdfast.add(TestWorker { ticks.add($0.nominalMilliseconds) })
            try await holdfast.whileRunning { #expect(await eventually { ticks.count >= 2 }) }
        }
    }
}

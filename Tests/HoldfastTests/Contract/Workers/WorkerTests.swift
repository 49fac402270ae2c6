import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

struct TestWorker: PeriodicWorker {
    var name = "w"
    var schedule: Schedule = .every(.milliseconds(50))
    var lease: Duration = .seconds(5)
    var options = WorkerOptions()
    var body: @Sendable (Tick) async throws -> Void

    func run(_ tick: Tick) async throws { try await body(tick) }
}

@Suite("A periodic worker")
struct WorkerTests {
    @Test(
        "runs each tick on one of several instances, with rising fences and without overlap",
        arguments: Backend.all)
    func oneInstance(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let ticks = Record<(nominal: Int64, fence: FencingToken)>()
            let inside = Record<Int>()
            let worker = TestWorker { tick in
                inside.add(1)
                ticks.add((tick.nominalMilliseconds, tick.fencingToken))
                await Task.yield()
                inside.add(-1)
            }
            let others = try (0..<2).map { _ in try client(of: server) }
            for holdfast in others + [first] { holdfast.add(worker) }
            try await others[0].whileRunning {
                try await others[1].whileRunning {
                    try await first.whileRunning {
                        #expect(await eventually { ticks.count >= 20 })
                    }
                }
            }
            let nominals = ticks.all.map(\.nominal)
            #expect(nominals == Array(Set(nominals)).sorted())
            #expect(nominals.allSatisfy { $0 % 50 == 0 })
            let fences = ticks.all.map(\.fence)
            #expect(fences == fences.sorted())
            #expect(zip(inside.all, inside.all.dropFirst()).allSatisfy { $0 != $1 }, "two runs at once")
        }
    }

    @Test("skips the ticks that came due while it ran", arguments: Backend.all)
    func skips(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let ticks = Record<Int64>()
            let link = holdfast.core.link
            holdfast.add(
                TestWorker { tick in
                    ticks.add(tick.nominalMilliseconds)
                    guard ticks.count == 1 else { return }
                    // Longer than two periods.
                    let end = tick.nominalMilliseconds + 130
                    _ = try await eventually { try await link.serverTime() >= end }
                })
            try await holdfast.whileRunning { #expect(await eventually { ticks.count >= 3 }) }
            #expect(ticks.all[1] - ticks.all[0] >= 100)
        }
    }

    @Test("goes on after a run that threw, and can be added while the client runs", arguments: Backend.all)
    func failures(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let ticks = Record<String>()
            try await holdfast.whileRunning {
                holdfast.add(
                    TestWorker { tick in
                        ticks.add(tick.id)
                        throw CancellationError()
                    })
                #expect(await eventually { ticks.count >= 3 })
            }
            #expect(ticks.all.allSatisfy { $0.hasPrefix("w@") })
        }
    }

    @Test("is cancelled when its lease is lost", arguments: Backend.all)
    func lost(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let began = Record<Int64>()
            let outcomes = Record<String>()
            let never = Gate()
            holdfast.add(
                TestWorker(schedule: .every(.seconds(3600), runOnStart: true), lease: .milliseconds(300)) {
                    tick in
                    began.add(tick.nominalMilliseconds)
                    do { try await never.pass() } catch { outcomes.add("\(type(of: error))") }
                    if let code = await code({ try tick.check() }) { outcomes.add("\(code)") }
                })
            try await holdfast.whileRunning {
                #expect(await eventually { began.count == 1 })
                try await holdfast.redis("DEL", .string(holdfast.core.keys.lock("worker/w")))
                #expect(await eventually { outcomes.count == 2 })
            }
            #expect(outcomes.all == ["CancellationError", "lost"])
        }
    }

    @Test(
        "leaves the ticks of a dead instance alone, and goes on when its lease is over",
        arguments: Backend.all)
    func takeOver(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            // An instance that claimed a tick and died.
            let claim = try tickClaim(of: holdfast, lease: .milliseconds(300))
            let first = try await claim.look(.init(seed: 1), goingBy: claim.schedule, token: "dead:0")
            let nominal = first.answer.serverTime / 50 * 50
            let tick = TickMachine.DueTick(nominal: nominal, cursor: 1, due: nominal)
            let died = ContinuousClock.now
            let reply = try await claim.look(.init(tick: tick), goingBy: claim.schedule, token: "dead:1")
            #expect(reply.answer.run != nil)
            let ticks = Record<(Int64, ContinuousClock.Instant)>()
            holdfast.add(TestWorker { tick in ticks.add((tick.nominalMilliseconds, .now)) })
            try await holdfast.whileRunning { #expect(await eventually { ticks.count >= 1 }) }
            #expect(ticks.all[0].0 > nominal)
            #expect(ticks.all[0].1 - died >= .milliseconds(290))
        }
    }

    @Test(
        "may finish its run after a stop, and is cancelled when that takes too long", arguments: Backend.all)
    func stop(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { patient, server in
            var configuration = Holdfast.Configuration()
            configuration.stopDeadline = .milliseconds(50)
            let hasty = try server.make(configuration, namespace: "hasty")
            let gate = Gate()
            let outcomes = Record<String>()
            let began = Record<String>()
            for (name, holdfast) in [("patient", patient), ("hasty", hasty)] {
                holdfast.add(
                    TestWorker { _ in
                        began.add(name)
                        do {
                            try await gate.pass()
                            outcomes.add("\(name) done")
                        } catch {
                            outcomes.add("\(name) cancelled")
                        }
                    })
            }
            try await hasty.whileRunning { #expect(await eventually { began.count == 1 }) }
            #expect(outcomes.all == ["hasty cancelled"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await patient.whileRunning { #expect(await eventually { began.count == 2 }) }
                }
                #expect(await eventually { began.count == 2 })
                gate.open()
                try await group.waitForAll()
            }
            #expect(outcomes.all == ["hasty cancelled", "patient done"])
        }
    }

    @Test("makes the run throw when its name cannot be used", arguments: Backend.all)
    func invalidName(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            holdfast.add(TestWorker(name: "") { _ in })
            let error = await #expect(throws: HoldfastError.self) { try await holdfast.run() }
            #expect(error?.code == .invalidArgument)
        }
    }
}

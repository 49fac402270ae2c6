import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A periodic worker is steered")
struct WorkerSteeringTests {
    /// No tick of it comes due in a test.
    private let rare: Schedule = .every(.seconds(86_400))

    /// Until some instance has looked at the worker.
    private func untilKnown(_ holdfast: Holdfast) async throws {
        let isKnown = try await eventually { try await holdfast.worker("w").status()?.nextTick != nil }
        #expect(isKnown)
    }

    @Test("runs once, on one of its instances, when that is asked for, at once", arguments: Backend.all)
    func trigger(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let operations = try client(of: server)
            let ticks = Record<Tick>()
            for holdfast in [first, second] { holdfast.add(TestWorker(schedule: rare) { ticks.add($0) }) }
            try await first.whileRunning {
                try await second.whileRunning {
                    try await untilKnown(operations)
                    #expect(try await operations.worker("w").trigger())
                    #expect(await eventually { ticks.count == 1 })
                    #expect(ticks.all[0].isTriggered && ticks.all[0].id.hasSuffix("!"))
                    let isRecorded = try await eventually {
                        try await operations.worker("w").runs().count == 1
                    }
                    #expect(isRecorded)
                }
            }
            #expect(ticks.count == 1)
            #expect(try await operations.worker("w").status()?.triggered == nil)
        }
    }

    @Test(
        "asked for again before it began, a run is the same one; it waits for a run that goes on",
        arguments: Backend.all)
    func triggerTwice(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", 1_000, cursor: 1, seed: 1)
            #expect(try await holdfast.worker("w").trigger())
            let asked = try await holdfast.worker("w").status()?.triggered
            #expect(try await holdfast.worker("w").trigger())
            #expect(try await holdfast.worker("w").status()?.triggered == asked && asked != nil)
            #expect(try await bench.look("i:b").reason == .running)
            try await bench.finish("i:a")
            #expect(try await bench.look("i:b").run?.isTriggered == true)
            try await bench.finish("i:b")
            #expect(try await bench.look("i:b").reason == .asked)
        }
    }

    @Test(
        "while it is paused no tick begins on any instance, a run that is asked for does, and resuming goes on",
        arguments: Backend.all)
    func pause(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", seed: 1)
            #expect(try await holdfast.worker("w").pause())
            #expect(try await holdfast.worker("w").status()?.pausedSince != nil)
            #expect(try await bench.look("i:a", 1_000, cursor: 1).reason == .paused)
            #expect(try await holdfast.worker("w").trigger())
            #expect(try await bench.look("i:a", 1_000, cursor: 1).run?.isTriggered == true)
            try await bench.finish("i:a")
            #expect(try await holdfast.worker("w").resume())
            #expect(try await bench.look("i:a", 1_000, cursor: 1).run?.isTriggered == false)
        }
    }

    @Test("goes on at once in a running instance when it is resumed", arguments: Backend.all)
    func resumed(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, server in
            let operations = try client(of: server)
            _ = try await TickBench(holdfast: operations, schedule: rare).look("i:a", seed: 1)
            #expect(try await operations.worker("w").pause())
            let ticks = Record<Int64>()
            holdfast.add(TestWorker { ticks.add($0.nominalMilliseconds) })
            try await holdfast.whileRunning {
                // The instance has seen the pause.
                #expect(
                    await eventually {
                        (try? await operations.worker("w").status()?.scheduleText) == "every 50ms"
                    })
                #expect(ticks.count == 0)
                let isKnown = try await operations.worker("w").resume()
                #expect(isKnown)
                #expect(await eventually { ticks.count >= 2 })
            }
        }
    }

    @Test(
        "goes by another schedule in all instances at once, and by that of the code again",
        arguments: Backend.all)
    func reschedule(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, server in
            let operations = try client(of: server)
            let ticks = Record<Int64>()
            holdfast.add(TestWorker(schedule: rare) { ticks.add($0.nominalMilliseconds) })
            try await holdfast.whileRunning {
                try await untilKnown(operations)
                #expect(try await operations.worker("w").reschedule(to: .every(.milliseconds(70))))
                #expect(await eventually { ticks.count >= 3 })
                #expect(try await operations.worker("w").status()?.isRescheduled == true)
                #expect(try await operations.worker("w").restoreSchedule())
                #expect(
                    await eventually { (try? await operations.worker("w").status()?.schedule) == rare })
            }
            #expect(ticks.all.allSatisfy { $0 % 70 == 0 })
        }
    }

    @Test(
        "cannot be told to begin a delay after the last run where its runs may overlap",
        arguments: Backend.all)
    func impossibleSchedule(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast, options: WorkerOptions(concurrency: 2))
            _ = try await bench.look("i:a", seed: 1)
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.worker("w").reschedule(to: .after(.seconds(1)))
            }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test(
        "goes by the schedule of the highest version, in the older instances of a rolling deploy too",
        arguments: Backend.all)
    func versions(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let old = TickBench(holdfast: holdfast, options: WorkerOptions(version: 1), schedule: rare)
            let new = TickBench(
                holdfast: holdfast, options: WorkerOptions(version: 2), schedule: .every(.seconds(2)))
            _ = try await old.look("i:a", seed: 1)
            _ = try await new.look("i:b")
            let told = try await old.look("i:a", 86_400_000, cursor: 1)
            #expect(told.verdict == .follow(schedule: "every 2s"))
            #expect(try await old.look("i:a", 2_000, cursor: 1, goingBy: new.schedule).run != nil)
            // An operator's word holds against both, until a version comes that did not know of it.
            #expect(try await holdfast.worker("w").reschedule(to: .every(.seconds(3))))
            #expect(try await new.look("i:b").verdict == .follow(schedule: "every 3s"))
            let next = TickBench(
                holdfast: holdfast, options: WorkerOptions(version: 3), schedule: .every(.seconds(5)))
            _ = try await next.look("i:c")
            #expect(try await new.look("i:b").verdict == .follow(schedule: "every 5s"))
            #expect(try await holdfast.worker("w").status()?.version == 3)
        }
    }

    @Test("tells what runs, where, and whether it still does", arguments: Backend.all)
    func status(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let run = try #require(try await bench.look("i:a", 1_000, cursor: 1, seed: 1).run)
            let running = try #require(try await holdfast.workers().first)
            #expect(running.name == "w" && running.runs.count == 1)
            #expect(running.runs[0].fencingToken == run.fence && running.runs[0].tickID == "w@1000")
            #expect(running.runs[0].host == "host" && running.runs[0].pid == 1 && running.runs[0].isHeld)
            #expect(running.schedule == .every(.seconds(1)) && !running.isRescheduled)
            try await bench.die()
            #expect(try await holdfast.worker("w").status()?.runs.map(\.isHeld) == [false])
            _ = try await bench.look("i:b")
            let last = try #require(try await holdfast.worker("w").status()?.lastRun)
            #expect(last.outcome == .lost && last.tickID == "w@1000" && last.host == "host")
        }
    }

    @Test("is told of beside one whose key has another type", arguments: Backend.all)
    func wrongType(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            _ = try await TickBench(holdfast: holdfast).look("i:a", seed: 1)
            let key = try WorkerKeys("bad", concurrency: 1, in: holdfast.core.keys).worker
            _ = try await holdfast.redis("SET", .string(key), "x")
            #expect(try await holdfast.workers().map(\.name) == ["w"])
            await #expect(throws: HoldfastError.self) { try await holdfast.worker("bad").status() }
            _ = try await holdfast.redis("DEL", .string(key))
        }
    }

    @Test("is unknown until an instance has run it", arguments: Backend.all)
    func unknown(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let none = try await holdfast.worker("w").status()
            #expect(none == nil)
            #expect(try await !holdfast.worker("w").trigger())
            #expect(try await !holdfast.worker("w").pause())
            #expect(try await holdfast.redis("KEYS", "t:{worker*").array == [])
            #expect(try await holdfast.worker("w").runs().isEmpty)
        }
    }
}

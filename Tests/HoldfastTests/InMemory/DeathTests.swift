import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("An instance in memory that is killed")
struct DeathTests {
    @Test("keeps its locks until their leases end, and can neither renew nor release them")
    func lock() async throws {
        let clock = ManualClock()
        let memory = try InMemoryRedis(clock: clock, logger: .quiet)
        let (dead, alive) = (try memory.holdfast(), try memory.holdfast())
        let lease = try await dead.acquire("a")
        await clock.advance(by: .seconds(15))
        await memory.kill(dead)
        #expect(!lease.isHeld)
        #expect(await code { try await lease.release() } == .lost)
        #expect(await code { _ = try await dead.acquire("b") } == .closed)
        await clock.advance(by: .seconds(24))
        #expect(try await alive.tryAcquire("a").lease == nil)
        await clock.advance(by: .seconds(1))
        let next = try #require(try await alive.tryAcquire("a").lease)
        try await next.release()
        await alive.close()
    }

    @Test(
        "loses the message that it handles to another one when its lease is over, and decides nothing any more"
    )
    func message() async throws {
        let clock = ManualClock(patience: .milliseconds(20))
        let memory = try InMemoryRedis(clock: clock, logger: .quiet)
        let (dead, alive) = (try memory.holdfast(), try memory.holdfast())
        let gate = Gate()
        let handled = Record<String>()
        dead.handle(dead.queue("q", of: String.self)) { _, delivery in
            // Goes on although it is cancelled.
            await Task { try? await gate.pass() }.value
            handled.add("dead \(delivery.attempt)")
            return .commit { $0.increment("n") }
        }
        let running = Task { try await dead.run() }
        try await dead.queue("q", of: String.self).send("m", id: "m")
        await clock.advance(by: .zero)
        await memory.kill(dead)
        gate.open()
        try await running.value
        #expect(handled.all == ["dead 1"])
        alive.handle(alive.queue("q", of: String.self)) { _, delivery in
            handled.add("alive \(delivery.attempt)")
            return .commit { $0.increment("n") }
        }
        try await alive.whileRunning {
            await clock.advance(by: .seconds(29))
            #expect(handled.count == 1)
            await clock.advance(by: .seconds(2))
            #expect(handled.all == ["dead 1", "alive 2"])
            let effect = try await memory.value(at: alive.queue("q", of: String.self).effectKey("n"))
            #expect(effect == "1")
        }
    }

    @Test("leaves its run to another one when its lease is over")
    func run() async throws {
        let clock = ManualClock(patience: .milliseconds(20))
        let memory = try InMemoryRedis(clock: clock, logger: .quiet)
        let (dead, alive) = (try memory.holdfast(), try memory.holdfast())
        let runs = Record<String>()
        func add(to holdfast: Holdfast, _ name: String, _ body: @escaping @Sendable () async throws -> Void) {
            let options = WorkerOptions(afterCrash: .runAgain(attempts: 2))
            holdfast.add(worker: "w", .every(.seconds(86_400), runOnStart: true), options: options) { tick in
                runs.add("\(name) \(tick.attempt)")
                try await body()
            }
        }
        add(to: dead, "dead") { try await Gate().pass() }
        let running = Task { try await dead.run() }
        await clock.advance(by: .zero)
        #expect(runs.all == ["dead 1"])
        add(to: alive, "alive") {}
        try await alive.whileRunning {
            await clock.advance(by: .zero)
            await memory.kill(dead)
            try await running.value
            await clock.advance(by: .seconds(29))
            #expect(runs.count == 1)
            await clock.advance(by: .seconds(1))
            #expect(runs.all == ["dead 1", "alive 2"])
            let outcomes = try await alive.worker("w").runs().map(\.outcome)
            #expect(outcomes == [.succeeded, .lost])
        }
    }
}

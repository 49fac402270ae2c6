import HoldfastTesting
import Logging
import TestSupport
import Testing

@testable import Holdfast

@Suite("A client that is not run")
struct RunReminderTests {
    private func logger(_ lines: Record<String>) -> Logger {
        .recording(lines)
    }

    private func reminders(_ lines: Record<String>) -> [String] {
        lines.all.filter { $0.contains("nobody calls run()") }
    }

    @Test("says so once, with what waits, when workers or handlers were added", arguments: [true, false])
    func reminds(withWorker: Bool) async throws {
        let (lines, clock) = (Record<String>(), ManualClock())
        let holdfast = try InMemoryRedis(clock: clock, logger: logger(lines)).holdfast()
        await clock.advance(by: .seconds(60))
        #expect(reminders(lines) == [], "there is nothing to run")
        if withWorker {
            holdfast.add(worker: "nightly", .every(.seconds(60))) { _ in }
        } else {
            holdfast.handle(holdfast.queue("orders", of: Order.self)) { _, _ in .commit }
        }
        await clock.advance(by: RunReminder.patience - .seconds(1))
        #expect(reminders(lines) == [])
        await clock.advance(by: .seconds(60))
        #expect(await eventually { reminders(lines).count == 1 })
        let line = try #require(reminders(lines).first)
        #expect(line.hasPrefix("warning"))
        #expect(
            line.hasSuffix(withWorker ? "Queues: none; workers: nightly" : "Queues: orders; workers: none"))
        await holdfast.close()
    }

    @Test("says nothing once it runs, but at info what it is connected to and what it runs")
    func running() async throws {
        let (lines, clock) = (Record<String>(), ManualClock())
        let holdfast = try InMemoryRedis(clock: clock, logger: logger(lines)).holdfast()
        holdfast.handle(holdfast.queue("orders", of: Order.self)) { _, _ in .commit }
        holdfast.handle(holdfast.queue("a\nqueue", of: Order.self)) { _, _ in .commit }
        holdfast.add(worker: "nightly", .every(.seconds(3600))) { _ in }
        try await holdfast.whileRunning {
            #expect(await eventually { lines.all.contains { $0.hasPrefix("info: Running on ") } })
            await clock.advance(by: .seconds(60))
        }
        let line = try #require(lines.all.first { $0.hasPrefix("info: Running on redis+unix://") })
        #expect(line.hasSuffix("namespace holdfast. Queues: orders, a\u{240A}queue; workers: nightly"))
        #expect(reminders(lines) == [])
    }

    @Test("shows no password where it says what it is connected to")
    func noPassword() async throws {
        let lines = Record<String>()
        try await withPrivateRedisServer { server in
            let holdfast = try Holdfast(redis: server.url, namespace: "t", logger: logger(lines))
            try await holdfast.whileRunning {
                #expect(await eventually { lines.all.contains { $0.hasPrefix("info: Running on ") } })
            }
        }
        let line = try #require(lines.all.first { $0.hasPrefix("info: Running on ") })
        #expect(!line.contains("@"))
    }

    @Test("is not kept alive by the reminder")
    func dropped() async throws {
        let clock = ManualClock()
        let memory = try InMemoryRedis(clock: clock, logger: .quiet)
        var holdfast: Holdfast? = try memory.holdfast()
        holdfast?.add(worker: "nightly", .every(.seconds(60))) { _ in }
        let dropped = Weak(holdfast)
        holdfast = nil
        #expect(await eventually { dropped.object == nil })
        await clock.advance(by: .seconds(60))
    }
}

private struct Weak {
    weak var object: Holdfast?

    init(_ object: Holdfast?) {
        self.object = object
    }
}

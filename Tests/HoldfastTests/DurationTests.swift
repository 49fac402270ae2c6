import Foundation
import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// Every public parameter that is a duration, with durations that nobody expects: an error or what it should do, and
/// never the end of the process.
@Suite("Any duration")
struct DurationTests {
    private static let extremes: [Duration] = [
        .seconds(Int64.max), .seconds(Int64.min), .zero, .seconds(-1),
        Duration(secondsComponent: 0, attosecondsComponent: 1),
    ]

    private struct Noted: Codable { var text = "" }

    /// What a call may end with: no error, a refused argument, or that the name is held.
    private func attempt(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch let error as HoldfastError where [.invalidArgument, .notAcquired].contains(error.code) {
        } catch {
            Issue.record("\(what): \(error)")
        }
    }

    @Test("is refused or taken by locks and once, in both kinds of providers", arguments: extremes)
    func locks(duration: Duration) async throws {
        let holdfast = try Holdfast.inMemory(logger: .quiet)
        let providers: [any LockProvider] = [holdfast, try InProcessLocks(logger: .quiet)]
        for locks in providers {
            let held = try await locks.acquire("held")
            for (name, options) in [
                ("lockDelay", LockOptions(lockDelay: duration)),
                ("maximumHold", LockOptions(maximumHold: duration)),
            ] {
                await attempt(name) {
                    try await locks.withLock(name, options: options) { lease in try lease.check() }
                }
            }
            await attempt("lease") { try await locks.withLock("lease", lease: duration) { _ in } }
            await attempt("limit") { try await locks.withLock("a", waitingAtMost: duration) { _ in } }
            if duration < .seconds(1) {
                let expected: HoldfastError.Code = duration < .zero ? .invalidArgument : .notAcquired
                let thrown = await code { _ = try await locks.acquire("held", waitingAtMost: duration) }
                #expect(thrown == expected)
            }
            try await held.release()
        }
        await attempt("lease") { _ = try await holdfast.once("a", in: "s", lease: duration) { _ in 1 } }
        await attempt("retention") {
            _ = try await holdfast.once("a", in: "s", retention: duration) { _ in 1 }
        }
        await attempt("lifetime") {
            _ = try await holdfast.fencedWrite("a", [1], fence: FencingToken(rawValue: 1), lifetime: duration)
        }
        let isWell = await holdfast.health.isWell(silentAtMost: duration)
        // Between no time and a second it depends on what is under way.
        #expect(isWell || duration < .seconds(1))
        #expect(!isWell || duration >= .zero)
        await holdfast.close()
    }

    @Test("is refused or taken by a queue and its handlers", arguments: extremes)
    func queues(duration: Duration) async throws {
        let memory = try InMemoryRedis(logger: .quiet)
        let options: [(String, (inout ConsumerOptions) -> Void)] = [
            ("lease", { $0.lease = duration }), ("retention", { $0.retention = duration }),
            ("first", { $0.retry.first = duration }), ("longest", { $0.retry.longest = duration }),
            ("delay", { _ in }),
        ]
        for (name, set) in options {
            let holdfast = try memory.holdfast(namespace: name)
            let queue = holdfast.queue("q", of: Noted.self)
            for (number, options) in [
                SendOptions(.after(duration)), SendOptions(unique: .init("k", for: duration)),
                SendOptions(origin: .init(made: Date(), horizon: duration)),
            ].enumerated() {
                await attempt("\(name), message \(number)") {
                    _ = try await queue.send(Noted(), id: "\(number)", options: options)
                }
            }
            try await queue.send(Noted(), id: "plain")
            var options = ConsumerOptions()
            set(&options)
            let seen = Record<String>()
            holdfast.handle(queue, options: options) { _, delivery in
                seen.add(delivery.id)
                return name == "delay" ? .retry(after: duration) : .retry()
            }
            let run = Task { try await holdfast.run() }
            let isRefused =
                switch name {
                case "lease": true
                case "retention": duration < .milliseconds(1)
                case "delay": false
                default: duration < .zero
                }
            if isRefused {
                let error = await #expect(throws: HoldfastError.self) { try await run.value }
                #expect(
                    error?.code == .invalidArgument && error?.message.contains("\(name)") == true, "\(name)")
            } else {
                #expect(await eventually { seen.all.contains("plain") }, "\(name)")
                run.cancel()
                try await run.value
            }
        }
    }

    @Test("is refused or taken by a worker, its schedule and the shutdown", arguments: extremes)
    func workers(duration: Duration) async throws {
        let isLong = duration > .zero && duration >= .seconds(1)
        let workers: [(TestWorker, isTaken: Bool)] = [
            (.init(name: "every", schedule: .every(duration, runOnStart: true)) { _ in }, isLong),
            (.init(name: "phase", schedule: .every(.seconds(60), phase: duration)) { _ in }, true),
            (
                .init(name: "spread", schedule: .every(duration, phase: duration, spread: true)) { _ in },
                isLong
            ),
            (
                .init(name: "jitter", schedule: .every(.seconds(60), jitter: duration)) { _ in },
                duration >= .zero
            ),
            (.init(name: "after", schedule: .after(duration, runOnStart: true)) { _ in }, isLong),
            (
                .init(name: "later", schedule: .after(.seconds(1), jitter: duration)) { _ in },
                duration >= .zero
            ),
            (.init(name: "cron", schedule: .cron("* * * * *", jitter: duration)) { _ in }, duration >= .zero),
            (.init(name: "lease", lease: duration) { _ in }, false),
            (.init(name: "maximum", options: .init(maximumRun: duration)) { _ in }, isLong),
            (.init(name: "skip", options: .init(missed: .skip(tolerance: duration))) { _ in }, isLong),
        ]
        let memory = try InMemoryRedis(logger: .quiet)
        for (worker, isTaken) in workers {
            let next = worker.schedule.next(after: Date(timeIntervalSince1970: 0), for: worker.name)
            let holdfast = try memory.holdfast()
            holdfast.add(worker)
            guard isTaken else {
                #expect(await code { try await holdfast.run() } == .invalidArgument, "\(worker.name)")
                continue
            }
            #expect(next != nil && Schedule(worker.schedule.description) == worker.schedule)
            try await holdfast.whileRunning {
                let isKnown = try await eventually {
                    try await holdfast.worker(worker.name).status()?.nextTick != nil
                }
                #expect(isKnown, "\(worker.name)")
            }
        }
    }

    @Test(
        "is refused or taken by the configuration, with which workers run and are shut down",
        arguments: extremes)
    func configuration(duration: Duration) async throws {
        for (name, path) in [
            ("lease", \Holdfast.Configuration.lease),
            ("commandTimeout", \Holdfast.Configuration.commandTimeout),
            ("stopDeadline", \Holdfast.Configuration.stopDeadline),
        ] as [(String, WritableKeyPath<Holdfast.Configuration, Duration>)] {
            var configuration = Holdfast.Configuration()
            configuration[keyPath: path] = duration
            guard name != "lease", duration > .seconds(1) else {
                let error = #expect(throws: HoldfastError.self) {
                    try Holdfast.inMemory(configuration: configuration, logger: .quiet)
                }
                #expect(error?.message.hasPrefix("\(name) must be") == true)
                continue
            }
            let holdfast = try Holdfast.inMemory(configuration: configuration, logger: .quiet)
            let ticks = Record<String>()
            holdfast.add(TestWorker(options: .init(maximumRun: duration)) { ticks.add($0.id) })
            holdfast.handle(holdfast.queue("q", of: Noted.self)) { _, _ in .commit }
            try await holdfast.whileRunning { #expect(await eventually { ticks.count > 0 }) }
        }
    }

    @Test("is for how long what a test makes holds its claim, from no time at all on", arguments: extremes)
    func madeForTests(duration: Duration) {
        let isHeld = duration > .seconds(1)
        #expect((Delivery.forTest(lease: duration).remaining > .zero) == isHeld)
        #expect((Tick.forTest(lease: duration).remaining > .zero) == isHeld)
        #expect((OnceClaim.forTest(lease: duration).remaining > .zero) == isHeld)
    }

    @Test("is how far a clock is set on, unless it is negative")
    func advance() async {
        let clock = ManualClock()
        let start = clock.now
        await clock.advance(by: .zero)
        #expect(clock.now == start)
        await clock.advance(by: .seconds(Int64.max))
        #expect(clock.now - start == .endless)
        await #expect(processExitsWith: .failure) { await ManualClock().advance(by: .milliseconds(-1)) }
    }

    @Test(
        "is named with its range where it is refused",
        arguments: [
            (Settings.lease, Duration.milliseconds(99), "lease must be from 100ms to 24h, not 99ms"),
            (Settings.waitingAtMost, .seconds(-5), "waitingAtMost must be at least 0s, not -5s"),
            (Settings.lockDelay, .seconds(90), "lockDelay must be from 0s to 1m, not 90s"),
            (Settings.retention, .nanoseconds(1), "retention must be at least 1ms, not 1e-09 seconds"),
        ])
    func refusal(setting: Setting<Duration>, value: Duration, message: String) {
        let error = #expect(throws: HoldfastError.self) { try setting.check(value) }
        #expect(error?.message == message && error?.code == .invalidArgument)
        #expect(throws: HoldfastError.self) { _ = try setting(.seconds(Int64.min)) }
    }
}

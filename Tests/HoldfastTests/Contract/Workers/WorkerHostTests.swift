import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// A worker with a beginning and an end.
private struct PreparedWorker: PeriodicWorker {
    var name = "w"
    var schedule: Schedule = .every(.milliseconds(20))
    var onPrepare: @Sendable () async throws -> Void = {}
    var onRun: @Sendable (Tick) async throws -> Void = { _ in }
    var onCleanUp: @Sendable () async -> Void = {}

    func prepare() async throws { try await onPrepare() }
    func run(_ tick: Tick) async throws { try await onRun(tick) }
    func cleanUp() async { await onCleanUp() }
}

@Suite("The host of the workers")
struct WorkerHostTests {
    private struct Broken: Error, CustomStringConvertible {
        let description = "out of paper"
    }

    /// A client whose runs under way may go on for 30 ms after a stop, and which tells of each run.
    private func hastyClient(
        _ server: Instances,
        _ observer: @escaping @Sendable (WorkerRun, (any Error)?) -> Void = { _, _ in }
    ) throws -> Holdfast {
        var configuration = Holdfast.Configuration()
        configuration.stopDeadline = .milliseconds(30)
        configuration.runObserver = observer
        return try server.make(configuration)
    }

    @Test(
        "starts the workers beside each other: one that does not get ready holds up no other, nor the stop",
        arguments: Backend.all)
    func isolatedStart(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { _, server in
            let holdfast = try hastyClient(server)
            let never = Gate()
            let events = Record<String>()
            holdfast.add(
                PreparedWorker(
                    name: "stuck", onPrepare: { try await never.pass() },
                    onRun: { _ in events.add("stuck ran") }, onCleanUp: { events.add("stuck cleaned up") }))
            holdfast.add(TestWorker(name: "quick") { _ in events.add("quick") })
            try await holdfast.whileRunning { #expect(await eventually { events.count >= 2 }) }
            #expect(Set(events.all) == ["quick"])
        }
    }

    @Test(
        "prepares a worker again until that succeeds, before its first run, and cleans up after its last",
        arguments: Backend.all)
    func preparation(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let events = Record<String>()
            holdfast.add(
                PreparedWorker(
                    onPrepare: {
                        events.add("prepare")
                        if events.count == 1 { throw Broken() }
                    }, onRun: { _ in events.add("run") }, onCleanUp: { events.add("clean up") }))
            try await holdfast.whileRunning { #expect(await eventually { events.count >= 4 }) }
            let all = events.all
            #expect(all.prefix(3) == ["prepare", "prepare", "run"])
            #expect(all.last == "clean up" && all.filter { $0 == "clean up" }.count == 1)
        }
    }

    @Test(
        "ends the other workers in order although one of them hangs, and cancels that at the deadline",
        arguments: Backend.all)
    func stop(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { _, server in
            let events = Record<String>()
            let holdfast = try hastyClient(server) { run, _ in
                if run.worker == "hanging" { events.add("\(run.outcome)") }
            }
            let never = Gate()
            let began = Gate()
            holdfast.add(
                PreparedWorker(
                    name: "hanging",
                    onRun: { _ in
                        began.open()
                        try await never.pass()
                    }))
            let ran = Record<String>()
            for name in ["a", "b"] {
                holdfast.add(
                    PreparedWorker(
                        name: name, onRun: { _ in ran.add(name) },
                        onCleanUp: { events.add("\(name) cleaned up") }))
            }
            try await holdfast.whileRunning {
                try await began.pass()
                // What has not begun is not cleaned up.
                #expect(await eventually { Set(ran.all).count == 2 })
            }
            #expect(Set(events.all) == ["a cleaned up", "b cleaned up", "stopped"])
        }
    }

    @Test("replaces a worker of the same name, when the run of the old one has ended", arguments: Backend.all)
    func replace(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let events = Record<String>()
            let gate = Gate()
            holdfast.add(
                PreparedWorker(
                    onRun: { _ in
                        events.add("old began")
                        try await gate.pass()
                        events.add("old ended")
                    }, onCleanUp: { events.add("old cleaned up") }))
            try await holdfast.whileRunning {
                #expect(await eventually { events.count == 1 })
                holdfast.add(PreparedWorker(onPrepare: { events.add("new") }))
                gate.open()
                #expect(await eventually { events.count == 4 })
                #expect(events.all == ["old began", "old ended", "old cleaned up", "new"])
            }
        }
    }

    @Test("lets go of the workers that were replaced, however many, while the newest runs")
    func replacedOften() async throws {
        final class Burden: Sendable {
            let gone: Record<Int>
            init(gone: Record<Int>) { self.gone = gone }
            deinit { gone.add(1) }
        }
        try await withHoldfast { holdfast, _ in
            let gone = Record<Int>()
            let started = Record<Int>()
            try await holdfast.whileRunning {
                for number in 1...20 {
                    let burden = Burden(gone: gone)
                    holdfast.add(
                        PreparedWorker(onPrepare: { [burden] in
                            started.add(number)
                            withExtendedLifetime(burden) {}
                        }))
                    #expect(await eventually { started.count == number })
                }
                // The one before the newest may be held by what is just over.
                #expect(await eventually { gone.count >= 18 })
            }
        }
    }

    @Test(
        "removes a worker from one instance, after its run; the others go on with it", arguments: Backend.all)
    func remove(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let ticks = Record<String>()
            for (name, holdfast) in [("first", first), ("second", second)] {
                holdfast.add(TestWorker(schedule: .every(.milliseconds(20))) { _ in ticks.add(name) })
            }
            try await first.whileRunning {
                try await second.whileRunning {
                    #expect(await eventually { ticks.count >= 2 })
                    #expect(first.contains(worker: "w"))
                    #expect(await first.remove(worker: "w"))
                    #expect(!first.contains(worker: "w"))
                    let removed = ticks.all
                    #expect(await eventually { ticks.count >= removed.count + 3 })
                    #expect(Set(ticks.all.dropFirst(removed.count)) == ["second"])
                    #expect(await !first.remove(worker: "w"))
                }
            }
        }
    }

    @Test(
        "tells the observer of each run, with its error, keeps it in the history, and goes on",
        arguments: Backend.all)
    func observer(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { operations, server in
            let told = Record<(WorkerRun, String)>()
            let holdfast = try hastyClient(server) { told.add(($0, "\($1.map { "\($0)" } ?? "-")")) }
            holdfast.add(TestWorker { _ in if told.count == 0 { throw Broken() } })
            try await holdfast.whileRunning { #expect(await eventually { told.count >= 2 }) }
            #expect(told.all[0].1 == "out of paper" && told.all[0].0.outcome == .failed)
            #expect(told.all[1].1 == "-" && told.all[1].0.outcome == .succeeded)
            let recorded = Array(try await operations.worker("w").runs().reversed())
            #expect(recorded.map(\.tickID) == told.all.map(\.0.tickID))
            #expect(recorded.map(\.outcome) == told.all.map(\.0.outcome))
            #expect(recorded[0].detail == "out of paper")
            #expect(recorded[0].instanceID == holdfast.core.instance.id)
        }
    }

    @Test(
        "runs nothing at all where a worker or a handler that was added before cannot be used",
        arguments: Backend.all, [true, false])
    func unusableAtStart(_ backend: Backend, isWorker: Bool) async throws {
        try await withHoldfast(on: backend) { operations, server in
            let holdfast = try server.make(Holdfast.Configuration())
            let began = Record<String>()
            holdfast.add(TestWorker(schedule: .every(.milliseconds(1))) { began.add($0.id) })
            let queue = holdfast.queue("q", of: String.self)
            try await operations.queue("q", of: String.self).send("m", id: "m")
            holdfast.handle(queue) { message, _ in
                began.add(message)
                return .commit
            }
            if isWorker {
                holdfast.add(worker: "many", .every(.seconds(1)), options: .init(concurrency: 99)) { _ in }
            } else {
                var options = ConsumerOptions()
                options.takeOversPerSecond = 0
                holdfast.handle(holdfast.queue("other", of: String.self), options: options) { _, _ in .commit
                }
            }
            let error = await #expect(throws: HoldfastError.self) { try await holdfast.run() }
            #expect(error?.code == .invalidArgument)
            let named =
                isWorker
                ? "the worker many: concurrency" : "the handler of the queue other: takeOversPerSecond"
            #expect(error?.message.hasPrefix("\(named) must be") == true, "\(error?.message ?? "")")
            #expect(began.count == 0)
            #expect(try await operations.worker("w").status() == nil)
        }
    }

    @Test(
        "leaves out a handler that is added while it runs and cannot be used, and goes on with the others",
        arguments: Backend.all)
    func unusableHandler(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let seen = Record<String>()
            let first = holdfast.queue("first", of: String.self)
            holdfast.handle(first) { message, _ in
                seen.add(message)
                return .commit
            }
            try await holdfast.whileRunning {
                try await first.send("1", id: "1")
                #expect(await eventually { seen.count == 1 })
                var options = ConsumerOptions()
                options.concurrency = 0
                holdfast.handle(holdfast.queue("", of: String.self)) { _, _ in .commit }
                holdfast.handle(holdfast.queue("second", of: String.self), options: options) { _, _ in .commit
                }
                holdfast.handle(holdfast.queue("third", of: String.self)) { message, _ in
                    seen.add(message)
                    return .commit
                }
                try await holdfast.queue("third", of: String.self).send("2", id: "2")
                try await first.send("3", id: "3")
                #expect(await eventually { seen.count == 3 })
            }
        }
    }

    @Test(
        "leaves out a worker that is added while it runs and cannot be used, and goes on with the others",
        arguments: Backend.all)
    func unusable(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let ticks = Record<Int64>()
            let first = Gate()
            holdfast.add(worker: "first", .every(.milliseconds(20))) { _ in first.open() }
            try await holdfast.whileRunning {
                try await first.pass()
                holdfast.add(worker: "", .every(.milliseconds(20))) { _ in }
                holdfast.add(worker: "many", .every(.milliseconds(20)), options: .init(concurrency: 99)) {
                    _ in
                }
                holdfast.add(worker: "w", .every(.milliseconds(20))) { ticks.add($0.nominalMilliseconds) }
                #expect(await eventually { ticks.count >= 2 })
            }
        }
    }
}

import Foundation
import HoldfastInspection
import HoldfastSimulation
import JSONLines
import Testing

@testable import Holdfast
@testable import HoldfastTool

@Suite struct DescriptionTests {
    private static func encoded(_ value: some Encodable) throws -> Set<String> {
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(value))
        return Set((object as? [String: Any] ?? [:]).keys)
    }

    @Test func `A lock's JSON has the documented field names, without what is not known`() throws {
        var lock = LockSnapshot(free: "a")
        #expect(try Self.encoded(lock) == ["name", "held"])
        lock.held = true
        lock.host = "h"
        lock.pid = 1
        lock.service = "s"
        lock.instance = "i"
        lock.since = Date()
        lock.heldForMilliseconds = 1
        lock.remainingMilliseconds = 2
        lock.fence = 3
        #expect(
            try Self.encoded(lock) == [
                "name", "held", "host", "pid", "service", "instance", "since", "heldForMilliseconds",
                "remainingMilliseconds", "fence",
            ])
    }

    @Test func `A lock of a foreign client without an end is told as what it is`() {
        let holder = Holder(value: "x", remainingMilliseconds: -1, fenceEntry: nil, nowMicroseconds: 0)
        let lock = LockSnapshot(name: "a", holder: holder, instance: nil, now: Date())
        #expect(lock.claimText == "a client of another kind; its lease has no end")
        #expect(
            LockSnapshot.table([lock]).split(separator: "\n").last?.hasSuffix("no end      -") == true
        )
    }

    @Test func `Times that cannot be are told all the same`() throws {
        for time in [Int64.max, .min, -1, 0] {
            let holder = Holder(
                value: "x", remainingMilliseconds: time, fenceEntry: "-000000000000001x",
                nowMicroseconds: time)
            let lock = LockSnapshot(name: "a", holder: holder, instance: nil, now: Date())
            #expect(lock.fence == -1)
            #expect(LockSnapshot.table([lock]).contains("a client") == false)
            #expect(lock.text.hasPrefix("name"))
            let encoder = JSONEncoder()
            encoder.dateEncodingStrategy = .iso8601
            #expect(try !encoder.encode(lock).isEmpty)
        }
    }

    @Test func `A free lock is told as free`() {
        #expect(LockSnapshot(free: "a\u{7}").text == "a\\u{7} is free\n")
    }

    @Test func `A queue's JSON has the documented field names`() throws {
        let stats = QueueStatus(
            name: "q", ready: 1, inFlight: 2, delayed: 3, blocked: 5, dead: 4, oldestAge: .seconds(75),
            pausedFor: nil)
        let queue = QueueSnapshot(stats)
        #expect(
            try Self.encoded(queue) == [
                "name", "ready", "inFlight", "delayed", "blocked", "dead", "oldestMilliseconds",
            ])
        #expect(
            QueueSnapshot.table([queue]) == """
                NAME  READY  IN FLIGHT  DELAYED  BLOCKED  DEAD  OLDEST  PAUSED
                q         1          2        3        5     4  1m 15s       -

                """)
    }

    @Test func `A worker's and a run's JSON have the documented field names`() throws {
        let run = WorkerRun(
            worker: "w", nominalMilliseconds: 1, isTriggered: false, attempt: 1, began: Date(),
            duration: .seconds(2), outcome: .failed, detail: "e", host: "h", pid: 1, instanceID: "i")
        #expect(
            try Self.encoded(RunSnapshot(run)) == [
                "tick", "triggered", "attempt", "began", "tookMilliseconds", "outcome", "error", "host",
                "pid",
                "instance",
            ])
        let fields = [
            "schedule": "every 1s", "version": "2", "by": "operator", "cursor": "5", "paused": "6",
            "trigger": "7", "run:1": "1 tick 1 9 8 token 1 h",
        ]
        let status = WorkerStatus(
            name: "w", fields: fields, serverTime: 10, isHeld: { _, token in token == "token" }, lastRun: run)
        let worker = WorkerSnapshot(status)
        #expect(
            try Self.encoded(worker) == [
                "name", "schedule", "rescheduled", "version", "pausedSince", "triggered", "nextTick", "runs",
                "lastRun",
            ])
        #expect(worker.runs.map(\.held) == [true] && worker.runs.map(\.tick) == ["w@1"])
        #expect(WorkerSnapshot.table([worker]).contains("running on h, pid 1"))
    }

    @Test func `What a stranger wrote into a worker's hash is told as far as it makes sense`() {
        for text in ["", "x", "99999999999999999999", "-1", "1 tick 1 9 8 token 1 h"] {
            let names = ["schedule", "version", "by", "cursor", "paused", "trigger", "run:1", "run:x"]
            let fields = Dictionary(uniqueKeysWithValues: names.map { ($0, text) })
            let status = WorkerStatus(
                name: "w", fields: fields, serverTime: 10, isHeld: { _, _ in false }, lastRun: nil)
            #expect(!WorkerSnapshot.table([WorkerSnapshot(status)]).isEmpty)
        }
    }

    @Test func `Errors map to the documented statuses`() {
        let codes: [(HoldfastError.Code, Int32)] = [
            (.notAcquired, 75), (.lost, 79), (.invalidArgument, 64), (.unavailable, 69),
            (.unknownOutcome, 69),
            (.authenticationFailed, 69), (.refused, 1), (.closed, 1),
        ]
        for (code, status) in codes { #expect(ExitStatus.status(for: HoldfastError(code, "")) == status) }
        #expect(ExitStatus.status(for: InputError(line: 1, reason: "")) == 65)
        #expect(ExitStatus.status(for: SimulationError(.serverMissing, "")) == 69)
        #expect(ExitStatus.status(for: SimulationError(.invalidRequest, "")) == 64)
        #expect(ExitStatus.status(for: CancellationError()) == 1)
    }
}

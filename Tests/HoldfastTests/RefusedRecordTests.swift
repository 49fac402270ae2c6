import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

/// What was done is told to a server that refuses it: the run and the effect must not happen again.
@Suite("A record that Redis refuses")
struct RefusedRecordTests {
    /// A state of the server in which it refuses writes, if not all of them.
    enum State: CaseIterable {
        case memoryIsFull
        case replicasAreMissing

        func begin(_ holdfast: Holdfast) async throws { try await set(holdfast, "1") }
        func end(_ holdfast: Holdfast) async throws { try await set(holdfast, "0") }

        /// It was felt: by a write that was refused, unless Redis 6.2 lets scripts write.
        func isFelt(_ holdfast: Holdfast) async throws -> Bool {
            try await holdfast.redis("INFO", "errorstats").string?.contains("NOREPLICAS") == true
        }

        private func set(_ holdfast: Holdfast, _ value: RedisArgument) async throws {
            let name: RedisArgument = self == .memoryIsFull ? "maxmemory" : "min-replicas-to-write"
            try await holdfast.redis("CONFIG", "SET", name, value)
        }
    }

    @Test("does not make a run begin again that has ended well", arguments: State.allCases)
    func run(_ state: State) async throws {
        try await withHoldfast { witness, server in
            let told = Record<WorkerRun>()
            var configuration = Holdfast.Configuration()
            configuration.runObserver = { run, _ in told.add(run) }
            let holdfast = try Holdfast(
                redis: server.url, namespace: "t", configuration: configuration, logger: .quiet)
            let ended = Record<Bool>()
            holdfast.add(
                TestWorker(schedule: .every(.seconds(86_400), runOnStart: true)) { _ in
                    try await state.begin(witness)
                    ended.add(true)
                })
            try await holdfast.whileRunning {
                #expect(await eventually { ended.count == 1 })
                if state == .replicasAreMissing {
                    #expect(try await eventually { try await state.isFelt(witness) || told.count == 1 })
                    try await state.end(witness)
                }
                #expect(await eventually { told.count == 1 })
                try await state.end(witness)
            }
            #expect(told.all.map(\.outcome) == [.succeeded])
            #expect(try await witness.worker("w").runs().map(\.outcome) == [.succeeded])
            #expect(ended.count == 1)
        }
    }

    @Test("does not make the body of once run again", arguments: State.allCases)
    func once(_ state: State) async throws {
        try await withHoldfast { holdfast, server in
            let witness = try client(of: server)
            let bodies = Record<Int>()
            @Sendable func call() async throws -> Int? {
                let answer = try await holdfast.once("id", in: "scope") { _ in
                    try await state.begin(witness)
                    bodies.add(1)
                    return 7
                }
                switch answer {
                case .executed(let result), .alreadyDone(let result): return result
                case .inProgressElsewhere: return nil
                }
            }
            let answered = Record<Int?>()
            let first = Task { answered.add(try await call()) }
            #expect(await eventually { bodies.count == 1 })
            if state == .replicasAreMissing {
                #expect(try await eventually { try await state.isFelt(witness) || answered.count == 1 })
                try await state.end(witness)
            }
            try await first.value
            #expect(answered.all == [7])
            try await state.end(witness)
            #expect(try await call() == 7)
            #expect(bodies.count == 1)
            await witness.close()
        }
    }

    @Test("of once is repeated while Redis is away for longer than a command may take")
    func away() async throws {
        try await withHoldfast { witness, server in
            let proxy = try FaultProxy(to: server.unixURL)
            var configuration = Holdfast.Configuration()
            configuration.commandTimeout = .milliseconds(200)
            let holdfast = try Holdfast(
                redis: proxy.url, namespace: "t", configuration: configuration, logger: .quiet)
            let bodies = Record<Int>()
            let first = Task {
                try await holdfast.once("id", in: "scope") { _ in
                    proxy.refuseConnections(true)
                    proxy.perform([.close])
                    #expect(await eventually { await holdfast.health.failure?.code == .unavailable })
                    bodies.add(1)
                    return 7
                }
            }
            #expect(await eventually { bodies.count == 1 })
            // Commands that come after the record, and each waits for a connection in vain: so did the record.
            for _ in 0..<3 {
                await #expect(throws: (any Error).self) { try await holdfast.redis("PING") }
            }
            proxy.refuseConnections(false)
            guard case .executed(7) = try await first.value else {
                Issue.record("the record was given up")
                return
            }
            guard case .alreadyDone(7) = try await witness.once("id", in: "scope", { _ in 8 }) else {
                Issue.record("the record is not there")
                return
            }
            await holdfast.close()
        }
    }

    @Test("of once that was lost with its claim is of something that may have happened")
    func lostClaim() async throws {
        try await withHoldfast { holdfast, _ in
            let error = await #expect(throws: HoldfastError.self) {
                _ = try await holdfast.once("id", in: "scope") { _ in
                    try await holdfast.redis("FLUSHALL")
                    return 1
                }
            }
            #expect(error?.code == .lost && error?.mayHaveHappened == true)
        }
    }

    @Test(
        "of once that was refused leaves the claim until its lease ends, and says that it may have happened")
    func mayHaveHappened() async throws {
        try await withHoldfast { witness, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let odd = FaultAction.replace(Array("-ERR odd\r\n".utf8))
            let error = await #expect(throws: HoldfastError.self) {
                _ = try await holdfast.once("id", in: "scope") { _ in
                    proxy.setRules([
                        FaultRule(.reply, of: "EVALSHA", .always, [odd]),
                        FaultRule(.reply, of: "EVAL", .always, [odd]),
                    ])
                    // Passes after the rules have come.
                    _ = try await holdfast.core.link.send(["PING"])
                    return 1
                }
            }
            #expect(error?.mayHaveHappened == true)
            await holdfast.close()
            guard case .inProgressElsewhere = try await witness.once("id", in: "scope", { _ in 2 }) else {
                Issue.record("it can be done again at once")
                return
            }
            // As if the lease had ended.
            try await witness.redis("DEL", "t:{scope}:once:id")
            guard case .executed(2) = try await witness.once("id", in: "scope", { _ in 2 }) else {
                Issue.record("it cannot be done again")
                return
            }
        }
    }

    @Test("of a run leaves its lock until its lease ends, and its observer hears that it may have happened")
    func refusedRun() async throws {
        try await withHoldfast { witness, server in
            let told = Record<(WorkerRun, (any Error)?)>()
            var configuration = Holdfast.Configuration()
            configuration.runObserver = { run, error in told.add((run, error)) }
            let holdfast = try Holdfast(
                redis: server.url, namespace: "t", configuration: configuration, logger: .quiet)
            let ended = Record<Bool>()
            holdfast.add(
                TestWorker(schedule: .every(.seconds(86_400), runOnStart: true), lease: .seconds(60)) { _ in
                    try await witness.redis("ACL", "SETUSER", "default", "-xadd")
                    ended.add(true)
                })
            try await holdfast.whileRunning {
                #expect(await eventually { told.count == 1 })
                #expect(try await witness.redis("EXISTS", "t:{worker/w}:lock").integer == 1)
                try await witness.redis("ACL", "SETUSER", "default", "+xadd")
            }
            let error = told.all[0].1 as? HoldfastError
            #expect(told.all[0].0.outcome == .lost && error?.mayHaveHappened == true)
            #expect(error?.code == .permissionDenied)
            #expect(try await witness.redis("EXISTS", "t:{worker/w}:lock").integer == 1)
        }
    }
}

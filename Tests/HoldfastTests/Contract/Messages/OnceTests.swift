import Foundation
import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

private struct Receipt: Codable, Hashable, Sendable {
    var number: Int
    var text = "a:b \"quoted\" ö"
}

@Suite("Once")
struct OnceTests {
    @Test("says that it may have happened when the record's answer is lost and Redis does not come back")
    func unknownRecord() async throws {
        try await withPrivateRedisServer { server in
            let proxy = try FaultProxy(to: server.unixURL)
            var configuration = Holdfast.Configuration()
            configuration.lease = .seconds(1)
            configuration.commandTimeout = .milliseconds(200)
            let holdfast = try Holdfast(
                redis: proxy.url, namespace: "t", configuration: configuration, logger: .quiet)
            var thrown: HoldfastError?
            do {
                _ = try await holdfast.once("evt", in: "stripe") { _ in
                    proxy.setRules([
                        FaultRule(.reply, of: "EVALSHA", .always, [.drop, .close]),
                        FaultRule(.reply, of: "EVAL", .always, [.drop, .close]),
                    ])
                    proxy.refuseConnections(true)
                    return 1
                }
            } catch let error as HoldfastError {
                thrown = error
            }
            #expect(thrown?.mayHaveHappened == true)
            await holdfast.close()
        }
    }

    @Test("does what has no result once, and tells a later call that it is done", arguments: Backend.all)
    func noResult(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let calls = Record<String>()
            for _ in 1...2 { try await holdfast.once("evt", in: "stripe") { claim in calls.add(claim.id) } }
            guard case .alreadyDone = try await holdfast.once("evt", in: "stripe", { calls.add($0.id) })
            else {
                Issue.record("it was done again")
                return
            }
            #expect(calls.all == ["evt"])
            guard case .done(let result, _) = try await holdfast.onceStatus("evt", in: "stripe") else {
                Issue.record("it is not done")
                return
            }
            #expect(result == "{}")
        }
    }

    @Test("executes, and answers every later call with the result of the first", arguments: Backend.all)
    func alreadyDone(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let executed = try await first.once("evt:1", in: "stripe") { claim in
                #expect(claim.idempotencyKey == "t/once/stripe/evt%3A1" && claim.remaining > .seconds(20))
                try claim.check()
                return Receipt(number: 1)
            }
            guard case .executed(Receipt(number: 1)) = executed else {
                Issue.record("\(executed)")
                return
            }
            for holdfast in [first, second] {
                let again = try await holdfast.once("evt:1", in: "stripe") { _ in Receipt(number: 2) }
                guard case .alreadyDone(Receipt(number: 1)) = again else {
                    Issue.record("\(again)")
                    return
                }
            }
            // Other ids, and the same one elsewhere, are other work.
            guard case .executed = try await second.once("evt:1", in: "paypal", { _ in 1 }),
                case .executed = try await second.once("evt:2", in: "stripe", { _ in 1 })
            else {
                Issue.record("not executed")
                return
            }
            await second.close()
        }
    }

    @Test("tells who is doing it, and does not wait", arguments: Backend.all)
    func inProgress(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let gate = Gate()
            let began = Record<FencingToken>()
            let working = Task {
                try await first.once("a", in: "s") { claim in
                    began.add(claim.fencingToken)
                    try await gate.pass()
                    return 1
                }
            }
            #expect(await eventually { began.count == 1 })
            guard case .inProgressElsewhere(let holder) = try await second.once("a", in: "s", { _ in 2 })
            else {
                Issue.record("not in progress")
                return
            }
            #expect(holder.instanceID == first.core.instance.id && holder.fencingToken == began.all[0])
            gate.open()
            guard case .executed(1) = try await working.value else {
                Issue.record("not executed")
                return
            }
            await second.close()
        }
    }

    @Test("remembers a result for as long as can be said", arguments: Backend.all)
    func longRetention(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            for retention in [Duration.seconds(Int64.max), .milliseconds(1 << 53)] {
                let id = "\(retention)"
                let outcome = try await holdfast.once(id, in: "s", retention: retention) { _ in 1 }
                guard case .executed(1) = outcome else {
                    Issue.record("not executed")
                    return
                }
                guard case .alreadyDone(1) = try await holdfast.once(id, in: "s", { _ in 2 }) else {
                    Issue.record("not remembered")
                    return
                }
            }
        }
    }

    @Test(
        "refuses an id that was made longer ago than results are remembered, unless it is remembered",
        arguments: Backend.all)
    func tooOld(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let ran = Record<String>()
            func once(_ id: String, made: Date?) async throws -> OnceOutcome<Int> {
                try await holdfast.once(id, in: "s", retention: .seconds(60), made: made) { _ in
                    ran.add(id)
                    return 1
                }
            }
            for made in [Date() - 3600, .distantPast, Date(timeIntervalSince1970: -.infinity)] {
                let error = await #expect(throws: HoldfastError.self) { _ = try await once("a", made: made) }
                #expect(error?.code == .tooOld && error?.mayHaveHappened == false)
            }
            #expect(ran.all.isEmpty)
            guard case .executed = try await once("a", made: Date() - 30),
                case .alreadyDone = try await once("a", made: Date() - 3600)
            else {
                Issue.record("not done")
                return
            }
            #expect(ran.all == ["a"])
        }
    }

    @Test("frees the id when the body throws", arguments: Backend.all)
    func bodyThrows(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            struct NoStock: Error {}
            await #expect(throws: NoStock.self) {
                try await holdfast.once("a", in: "s") { _ -> Int in throw NoStock() }
            }
            guard case .executed(2) = try await holdfast.once("a", in: "s", { _ in 2 }) else {
                Issue.record("not executed")
                return
            }
        }
    }

    @Test(
        "frees the id when the caller is cancelled, and keeps the result that came before",
        arguments: Backend.all)
    func cancelled(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let began = Record<String>()
            let never = Gate()
            let task = Task {
                try await holdfast.once("a", in: "s") { _ in
                    began.add("a")
                    try await never.pass()
                    return 1
                }
            }
            #expect(await eventually { began.count == 1 })
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            guard case .executed(2) = try await holdfast.once("a", in: "s", { _ in 2 }) else {
                Issue.record("not free")
                return
            }
            // A body that ends its work although it was cancelled: the result is recorded.
            let stubborn = Task {
                try await holdfast.once("b", in: "s") { _ in
                    began.add("b")
                    try? await never.pass()
                    return 3
                }
            }
            #expect(await eventually { began.count == 2 })
            stubborn.cancel()
            guard case .executed(3) = try await stubborn.value,
                case .alreadyDone(3) = try await holdfast.once("b", in: "s", { _ in 4 })
            else {
                Issue.record("not recorded")
                return
            }
        }
    }

    @Test("cancels the body when the claim is lost, and does not record its result", arguments: Backend.all)
    func lost(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let began = Record<String>()
            let never = Gate()
            let key = RedisArgument.string(try holdfast.core.keys.key("s", "once:a"))
            let task = Task {
                try await holdfast.once("a", in: "s", lease: .milliseconds(300)) { _ in
                    began.add("began")
                    try? await never.pass()
                    return 1
                }
            }
            #expect(await eventually { began.count == 1 })
            try await holdfast.redis("SET", key, "somebody else")
            let error = await #expect(throws: HoldfastError.self) { try await task.value }
            #expect(error?.code == .lost)
            #expect(try await holdfast.redis("GET", key).string == "somebody else")
        }
    }

    @Test("forgets the result after its retention", arguments: Backend.all)
    func retention(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            _ = try await holdfast.once("a", in: "s", retention: .milliseconds(50)) { _ in 1 }
            #expect(
                try await eventually {
                    guard case .executed(2) = try await holdfast.once("a", in: "s", { _ in 2 }) else {
                        return false
                    }
                    return true
                })
        }
    }

    @Test("records a result once, however often that is asked", arguments: Backend.all)
    func repeatedRecord(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            try await holdfast.redis("SET", "k", "token", "PX", "60000")
            func complete(_ record: String) async throws -> RedisValue {
                try await holdfast.core.link.evaluate(
                    Scripts.complete, keys: ["k"], arguments: ["token", .string(record), "60000"]
                ).value
            }
            #expect(try await complete("done:token:1") == .integer(1))
            #expect(try await complete("done:token:1") == .integer(1))
            #expect(try await complete("done:other:1") == .integer(0))
            #expect(try await holdfast.redis("GET", "k").string == "done:token:1")
        }
    }
}

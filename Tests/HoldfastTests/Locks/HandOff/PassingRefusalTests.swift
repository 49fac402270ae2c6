import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A wait that a server refuses for a while")
struct PassingRefusalTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let begin: [RedisArgument]
        let end: [RedisArgument]
    }

    static let refusals = [
        Refusal(
            testDescription: "READONLY", begin: ["REPLICAOF", "127.0.0.1", "1"],
            end: ["REPLICAOF", "NO", "ONE"]),
        Refusal(
            testDescription: "NOREPLICAS", begin: ["CONFIG", "SET", "min-replicas-to-write", "1"],
            end: ["CONFIG", "SET", "min-replicas-to-write", "0"]),
    ]

    @Test("goes on, and ends when it is served", arguments: refusals)
    func served(_ refusal: Refusal) async throws {
        try await withHoldfast { holdfast, server in
            let operatorsClient = try client(of: server)
            // Of another kind: the waiter looks often.
            try await operatorsClient.redis("SET", "t:{a}:lock", "other", "PX", "60000")
            let waiters = (0..<3).map { _ in
                Task { try await holdfast.acquire("a", waitingAtMost: .seconds(20)).release() }
            }
            #expect(
                try await eventually {
                    try await operatorsClient.redis("ZCARD", "t:{a}:waiters").integer == 3
                })
            _ = try await operatorsClient.core.link.send(RedisCommand(refusal.begin))
            let before = try await operatorsClient.scriptCalls()
            #expect(try await eventually { try await operatorsClient.scriptCalls() >= before + 4 })
            _ = try await operatorsClient.core.link.send(RedisCommand(refusal.end))
            try await operatorsClient.redis("DEL", "t:{a}:lock")
            for waiter in waiters { try await waiter.value }
            await operatorsClient.close()
        }
    }

    @Test("does not wait for a lease whose release was refused: that is tried again", arguments: refusals)
    func release(_ refusal: Refusal) async throws {
        try await withHoldfast { holdfast, server in
            let operatorsClient = try client(of: server)
            let lease = try await holdfast.acquire("a")
            let waiter = Task { try await operatorsClient.acquire("a", waitingAtMost: .seconds(20)) }
            #expect(
                try await eventually { try await holdfast.redis("ZCARD", "t:{a}:waiters").integer == 1 })
            _ = try await operatorsClient.core.link.send(RedisCommand(refusal.begin))
            // Redis 6.2 lets scripts write without the replicas that it wants.
            if try await operatorsClient.scriptsMayWrite() {
                try await lease.release()
            } else {
                let error = await #expect(throws: HoldfastError.self) { try await lease.release() }
                #expect(error?.code == .refused)
            }
            _ = try await operatorsClient.core.link.send(RedisCommand(refusal.end))
            try await waiter.value.release()
            await operatorsClient.close()
        }
    }

    @Test("ends at its limit while that lasts", arguments: refusals)
    func limit(_ refusal: Refusal) async throws {
        try await withHoldfast { holdfast, server in
            let operatorsClient = try client(of: server)
            try await operatorsClient.redis("SET", "t:{a}:lock", "other", "PX", "60000")
            let waiter = Task { try await holdfast.acquire("a", waitingAtMost: .seconds(2)) }
            #expect(
                try await eventually {
                    try await operatorsClient.redis("ZCARD", "t:{a}:waiters").integer == 1
                })
            _ = try await operatorsClient.core.link.send(RedisCommand(refusal.begin))
            let result = await waiter.result
            let error = #expect(throws: HoldfastError.self) { try result.get() }
            #expect(error?.code == .notAcquired)
            _ = try await operatorsClient.core.link.send(RedisCommand(refusal.end))
            await operatorsClient.close()
        }
    }
}

@Suite("A wait on a server that stands still")
struct StandstillTests {
    @Test("is served after it, also where the answer to its question comes later than its lease would end")
    func lateGrant() async throws {
        try await withHoldfast { holdfast, server in
            let operatorsClient = try client(of: server)
            try await operatorsClient.redis("SET", "t:{a}:lock", "other")
            let waiter = Task {
                try await holdfast.acquire("a", waitingAtMost: .seconds(60), lease: .seconds(3))
            }
            #expect(
                try await eventually {
                    try await operatorsClient.redis("ZCARD", "t:{a}:waiters").integer == 1
                })
            // It ends while the server stands still.
            try await operatorsClient.redis("PEXPIRE", "t:{a}:lock", "400")
            try await server.pause()
            // The waiter asks at the latest a fifth of a second from now.
            let end = ContinuousClock.now + .milliseconds(3500)
            _ = await eventually { ContinuousClock.now > end }
            try await server.resume()
            let lease = try await waiter.value
            #expect(lease.isHeld)
            try await lease.release()
            await operatorsClient.close()
        }
    }
}

extension Holdfast {
    /// How many calls of scripts the server has had.
    func scriptCalls() async throws -> Int {
        let info = try await redis("INFO", "commandstats").string ?? ""
        return info.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("cmdstat_evalsha:calls=") }
            .compactMap { Int($0.split(separator: "=")[1].prefix { $0.isNumber }) }.reduce(0, +)
    }

    fileprivate func scriptsMayWrite() async throws -> Bool {
        do {
            try await redis("EVAL", "return redis.call('SET', KEYS[1], '')", "1", "t:{b}:lock")
            return true
        } catch let error as RedisError where error.refusalPasses {
            return false
        }
    }
}

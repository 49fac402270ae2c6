import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// The rows that need a server, which is restarted, flushed, or has had another clock.
@Suite("The contract of a lock on a server")
struct ServerContractTests {
    @Test(
        "a server that forgets all at its restart costs the holder the lease, not the fences their order",
        arguments: LockContract.withServer, [true, false])
    func restart(_ contract: LockContract, crash: Bool) async throws {
        try await contract.run { subject in
            let server = try #require(subject.server)
            let lease = try await subject.locks.acquire("a", lease: .seconds(2))
            let waiter = Task { try await subject.other.acquire("a", waitingAtMost: .seconds(30)) }
            try await subject.expectWaiters(1)
            if crash { await server.process.kill() }
            try await server.process.restart()
            let next = try await waiter.value
            #expect(try next.fencingToken > lease.fencingToken)
            #expect(await eventually { !lease.isHeld })
            #expect(next.isHeld)
            try await next.release()
            try await subject.expectFree()
        }
    }

    @Test(
        "a server that forgets nothing at its restart costs the holder nothing",
        arguments: LockContract.withDurableServer)
    func durableRestart(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let server = try #require(subject.server)
            let lease = try await subject.locks.acquire("a")
            let waiter = Task { try await subject.other.acquire("a", waitingAtMost: .seconds(30)) }
            try await subject.expectWaiters(1)
            await server.process.kill()
            try await server.process.restart()
            guard case .refused(let holder) = try await server.witness.tryAcquire("a") else {
                Issue.record("granted twice")
                return
            }
            #expect(holder.fencingToken == lease.fence)
            try await lease.release()
            try await waiter.value.release()
            try await subject.expectFree()
        }
    }

    @Test(
        "scripts that the server has forgotten cost nothing: each step brings its own",
        arguments: LockContract.withServer)
    func scriptFlush(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let witness = try #require(subject.server).witness
            // Known to both ends before they are forgotten.
            try await subject.locks.acquire("a").release()
            try await witness.redis("SCRIPT", "FLUSH")
            let lease = try await subject.locks.acquire("a", lease: .seconds(9))
            let deadline = lease.grant.lease.deadline
            try await witness.redis("SCRIPT", "FLUSH")
            #expect(await eventually { lease.grant.lease.deadline > deadline })
            try await witness.redis("SCRIPT", "FLUSH")
            try await subject.expectRefused()
            let waiter = Task { try await subject.other.acquire("a", waitingAtMost: .seconds(20)) }
            try await subject.expectWaiters(1)
            try await witness.redis("SCRIPT", "FLUSH")
            try await lease.release()
            let next = try await waiter.value
            try await witness.redis("SCRIPT", "FLUSH")
            try await next.release()
            try await subject.expectFree()
        }
    }

    @Test(
        "fences rise although the server's clock was set back behind the last one",
        arguments: LockContract.withServer)
    func clockSetBack(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let witness = try #require(subject.server).witness
            // The record of a grant by a clock that was years ahead.
            let ahead: Int64 = 4_000_000_000_000_000
            try await witness.redis("SET", "t:{a}:fence", .string("\(ahead)x"))
            for step in 1...5 {
                let lease = try await (step % 2 == 0 ? subject.locks : subject.other).acquire("a")
                #expect(try lease.fencingToken.rawValue == ahead + Int64(step))
                try await lease.release()
            }
        }
    }

    @Test(
        "those who came by a clock that was ahead are still served first, in their order",
        arguments: LockContract.withServer)
    func arrivalsAhead(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let witness = try #require(subject.server).witness
            let lease = try await subject.locks.acquire("a")
            let served = Record<Int>()
            var waiters = try await WaitingContractTests.line(of: 2, at: subject) { served.add($0) }
            // They came by a clock that was days ahead, and that is set back now.
            for token in try await witness.redis("ZRANGE", "t:{a}:waiters", "0", "-1").array ?? [] {
                try await witness.redis(
                    "ZINCRBY", "t:{a}:waiters", "200000000000", .string(#require(token.string)))
            }
            for index in 2..<4 {
                waiters.append(
                    Task {
                        try await subject.locks.withLock("a", waitingAtMost: .seconds(30)) { _ in
                            served.add(index)
                        }
                    })
                try await subject.expectWaiters(index + 1)
            }
            try await lease.release()
            for waiter in waiters { try await waiter.value }
            #expect(served.all == [0, 1, 2, 3])
            try await subject.expectFree()
        }
    }
}

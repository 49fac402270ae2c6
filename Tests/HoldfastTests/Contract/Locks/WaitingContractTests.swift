import Synchronization
import TestSupport
import Testing

@testable import Holdfast

/// How many are inside at this moment.
private final class Inside: Sendable {
    let count = Atomic(0)
}

@Suite("The contract of waiting")
struct WaitingContractTests {
    @Test("a waiter is served as soon as the holder releases", arguments: LockContract.all)
    func served(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            let waiter = Task { try await subject.other.acquire("a", waitingAtMost: .seconds(20)) }
            try await subject.expectWaiters(1)
            #expect(lease.isHeld)
            try await lease.release()
            let next = try await waiter.value
            #expect(try next.fencingToken > lease.fencingToken)
            try await next.release()
            try await subject.expectFree()
        }
    }

    @Test("a wait ends at its limit, not before, with the holder", arguments: LockContract.all)
    func limit(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            let began = ContinuousClock.now
            let error = await #expect(throws: HoldfastError.self) {
                _ = try await subject.other.acquire("a", waitingAtMost: .milliseconds(100))
            }
            #expect(ContinuousClock.now - began >= .milliseconds(100))
            #expect(error?.code == .notAcquired)
            #expect(error?.holder?.instanceID == subject.instanceID)
            #expect(error?.holder?.fencingToken == lease.fence)
            try await subject.expectWaiters(0)
            try await lease.release()
            try await subject.expectFree()
        }
    }

    @Test("a limit of zero is an attempt: it takes no place", arguments: LockContract.all)
    func zero(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a", waitingAtMost: .zero)
            #expect(
                await code { _ = try await subject.other.acquire("a", waitingAtMost: .zero) } == .notAcquired)
            try await subject.expectWaiters(0)
            try await lease.release()
        }
    }

    @Test(
        "those who wait are served in the order they came; who left is passed by", arguments: LockContract.all
    )
    func order(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            let served = Record<Int>()
            let waiters = try await Self.line(of: 12, at: subject) { served.add($0) }
            waiters[4].cancel()
            waiters[7].cancel()
            try await subject.expectWaiters(10)
            try await lease.release()
            for (index, waiter) in waiters.enumerated() where index != 4 && index != 7 {
                try await waiter.value
            }
            #expect(served.all == [0, 1, 2, 3, 5, 6, 8, 9, 10, 11])
            try await subject.expectFree()
        }
    }

    /// Waiters of both instances in turn, each of which came after the one before.
    static func line(
        of count: Int, at subject: Subject, _ body: @escaping @Sendable (Int) -> Void
    ) async throws -> [Task<Void, any Error>] {
        var waiters: [Task<Void, any Error>] = []
        for index in 0..<count {
            let locks = index % 2 == 0 ? subject.locks : subject.other
            waiters.append(
                Task { try await locks.withLock("a", waitingAtMost: .seconds(30)) { _ in body(index) } })
            try await subject.expectWaiters(index + 1)
        }
        return waiters
    }

    @Test("who barges in goes before all who wait, and never before the holder", arguments: LockContract.all)
    func barging(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            let served = Record<Int>()
            let waiters = try await Self.line(of: 2, at: subject) { served.add($0) }
            let barger = Task {
                try await subject.locks.withLock(
                    "a", waitingAtMost: .seconds(30), options: LockOptions(barging: true)
                ) { _ in served.add(99) }
            }
            try await subject.expectWaiters(3)
            #expect(lease.isHeld)
            try await lease.release()
            for waiter in waiters + [barger] { try await waiter.value }
            #expect(served.all == [99, 0, 1])
        }
    }

    @Test(
        "of many at once each is inside alone, under a higher fence than all before",
        arguments: LockContract.all)
    func crowd(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let inside = Inside()
            let fences = Record<FencingToken>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<60 {
                    group.addTask {
                        let locks = index % 2 == 0 ? subject.locks : subject.other
                        try await locks.withLock("a", waitingAtMost: .seconds(30)) { lease in
                            #expect(inside.count.add(1, ordering: .sequentiallyConsistent).newValue == 1)
                            fences.add(try lease.fencingToken)
                            await Task.yield()
                            inside.count.subtract(1, ordering: .sequentiallyConsistent)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(fences.count == 60)
            #expect(fences.all == fences.all.sorted())
            #expect(Set(fences.all).count == 60)
            try await subject.expectFree()
        }
    }

    @Test("a holder that is lost costs its waiters no more than their own look", arguments: LockContract.all)
    func lostHolder(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lost = try await subject.locks.acquire("a")
            let waiter = Task { try await subject.other.acquire("a", waitingAtMost: .seconds(20)) }
            try await subject.expectWaiters(1)
            try await subject.lose("a")
            try await waiter.value.release()
            #expect(await code { try await lost.release() } == .lost)
            try await subject.expectFree()
        }
    }
}

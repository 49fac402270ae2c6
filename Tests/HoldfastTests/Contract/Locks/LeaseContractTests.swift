import TestSupport
import Testing

@testable import Holdfast

@Suite("The contract of a lease")
struct LeaseContractTests {
    // MARK: Renewal and expiry

    @Test("is renewed while it is held: it outlives its own length", arguments: LockContract.all)
    func renewal(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a", lease: .milliseconds(4500))
            let end = ContinuousClock.now + .milliseconds(5000)
            #expect(await eventually { ContinuousClock.now > end })
            #expect(lease.isHeld)
            try await subject.expectRefused()
            try await lease.release()
            try await subject.expectFree()
        }
    }

    @Test("is suspended when renewals fail, and held again when they do not", arguments: LockContract.all)
    func suspension(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a", lease: .seconds(6))
            try await subject.stopRenewals()
            #expect(await eventually { lease.status == .suspended })
            try lease.check()
            try await subject.resumeRenewals()
            #expect(await eventually { lease.status == .held })
            try await lease.release()
        }
    }

    @Test(
        "expires when it cannot be renewed: its holder knows, and the next one is granted",
        arguments: LockContract.all)
    func expiry(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a", lease: .milliseconds(300))
            try await subject.stopRenewals()
            #expect(await eventually { lease.status == .lost(.expired) })
            #expect(!lease.isHeld)
            #expect(await code { try lease.check() } == .lost)
            try await subject.resumeRenewals()
            let next = try await subject.other.acquire("a", waitingAtMost: .seconds(20))
            #expect(try next.fencingToken > lease.fencingToken)
            #expect(await code { try await lease.release() } == .lost)
            #expect(next.isHeld)
            try await next.release()
            try await subject.expectFree()
        }
    }

    @Test("is over after its maximum hold, although it could be renewed", arguments: LockContract.all)
    func maximumHold(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let began = ContinuousClock.now
            let lease = try await subject.locks.acquire(
                "a", lease: .seconds(1), options: LockOptions(maximumHold: .milliseconds(1200)))
            #expect(await eventually { lease.status == .lost(.heldTooLong) })
            #expect(ContinuousClock.now - began >= .milliseconds(1200))
            try await subject.other.acquire("a", waitingAtMost: .seconds(20)).release()
            try await subject.expectFree()
        }
    }

    @Test(
        "keeps the name taken for its lock-delay when it expires, not when it is released",
        arguments: LockContract.all)
    func lockDelay(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let options = LockOptions(lockDelay: .seconds(60))
            try await subject.locks.withLock("a", options: options) { _ in }
            try await subject.expectFree()
            let lease = try await subject.locks.acquire("a", lease: .milliseconds(300), options: options)
            try await subject.stopRenewals()
            #expect(await eventually { lease.status == .lost(.expired) })
            try await subject.resumeRenewals()
            guard case .refused(let holder) = try await subject.other.tryAcquire("a") else {
                Issue.record("granted within the lock-delay")
                return
            }
            #expect(try #require(holder.remaining) > .seconds(30))
            try await subject.lose("a")
            try await subject.expectFree()
        }
    }

    // MARK: Loss

    @Test(
        "that is lost cancels the work under it, whose error is told with the loss",
        arguments: LockContract.all)
    func loss(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let error = await #expect(throws: HoldfastError.self) {
                try await subject.locks.withLock("a", lease: .milliseconds(600)) { lease in
                    try await subject.lose("a")
                    try await Gate().pass()
                }
            }
            #expect(error?.code == .lost && error?.mayHaveHappened == true)
            #expect(error?.underlying is CancellationError)
            try await subject.expectFree()
        }
    }

    @Test(
        "that is lost tells so by each way to ask, and for how long it may be believed: not at all",
        arguments: LockContract.all)
    func lost(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a", lease: .milliseconds(600))
            try await subject.lose("a")
            // A renewal finds it out, or if the machine is too busy for one in time, the end of the lease.
            let losses: [LeaseStatus] = [.lost(.taken), .lost(.expired)]
            #expect(await eventually { losses.contains(lease.status) })
            #expect(lease.remaining == .zero)
            #expect(await code { try lease.check() } == .lost)
            var changes: [LeaseStatus] = []
            for await status in lease.statusChanges { changes.append(status) }
            #expect(changes == [lease.status])
            for _ in 0..<2 { #expect(await code { try await lease.release() } == .lost) }
            try await subject.expectFree()
        }
    }

    // MARK: Release

    @Test("may be released by whoever has it, in any task", arguments: LockContract.all)
    func anyTask(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            try await Task.detached { try await lease.release() }.value
            #expect(lease.status == .released)
            #expect(await code { try lease.check() } == .released)
            try await subject.expectFree()
        }
    }

    @Test("released again succeeds again, and does nothing to the next holder", arguments: LockContract.all)
    func doubleRelease(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            try await lease.release()
            let next = try await subject.locks.acquire("a")
            try await lease.release()
            #expect(next.isHeld)
            try await subject.expectRefused()
            try await next.release()
        }
    }

    @Test(
        "of which another has the name by now is lost when it is released, and the other's stays",
        arguments: LockContract.all)
    func foreignRelease(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            try await subject.lose("a")
            let next = try await subject.other.acquire("a", waitingAtMost: .seconds(20))
            #expect(await code { try await lease.release() } == .lost)
            #expect(next.isHeld)
            try await subject.expectRefused()
            try await next.release()
            try await subject.expectFree()
        }
    }

    @Test("that nobody has any more is released by itself", arguments: LockContract.all)
    func dropped(_ contract: LockContract) async throws {
        try await contract.run { subject in
            _ = try await subject.locks.tryAcquire("a")
            try await subject.expectFree()
        }
    }

    @Test("is released after its work, whether that returns or throws", arguments: LockContract.all)
    func work(_ contract: LockContract) async throws {
        struct Failure: Error {}
        try await contract.run { subject in
            #expect(try await subject.locks.withLock("a") { $0.name } == "a")
            try await subject.expectFree()
            await #expect(throws: Failure.self) {
                try await subject.locks.withLock("a") { _ in throw Failure() }
            }
            try await subject.expectFree()
        }
    }
}

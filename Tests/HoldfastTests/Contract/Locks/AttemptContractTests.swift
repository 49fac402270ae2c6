import Testing

@testable import Holdfast

@Suite("The contract of an attempt")
struct AttemptContractTests {
    @Test("a free name is granted, with a lease that is held and a fence", arguments: LockContract.all)
    func granted(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try #require(
                try await subject.locks.tryAcquire("a", lease: .seconds(10)).lease)
            #expect(lease.name == "a")
            #expect(lease.duration == .seconds(10))
            #expect(lease.status == .held)
            #expect(lease.remaining <= .seconds(10))
            #expect(lease.fence != nil)
            try lease.check()
            try await lease.release()
            try await subject.expectFree()
        }
    }

    @Test(
        "a held name is refused at once, with who holds it, since when, how long", arguments: LockContract.all
    )
    func refused(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a", lease: .seconds(20))
            guard case .refused(let holder) = try await subject.other.tryAcquire("a") else {
                Issue.record("granted twice")
                return
            }
            #expect(holder.instanceID == subject.instanceID)
            #expect(holder.fencingToken == lease.fence)
            #expect(try #require(holder.heldFor) < .seconds(10))
            #expect(try (.seconds(5)...(.seconds(20))).contains(#require(holder.remaining)))
            #expect(lease.isHeld)
            try await lease.release()
            try await subject.expectFree()
        }
    }

    @Test("the fences of a name rise with every grant", arguments: LockContract.all)
    func fences(_ contract: LockContract) async throws {
        try await contract.run { subject in
            var fences: [FencingToken] = []
            for round in 0..<20 {
                let lease = try await (round % 2 == 0 ? subject.locks : subject.other).acquire("a")
                fences.append(try lease.fencingToken)
                try await lease.release()
            }
            for (earlier, later) in zip(fences, fences.dropFirst()) { #expect(earlier < later) }
        }
    }

    @Test("a lock without a fence keeps others out all the same", arguments: LockContract.all)
    func plain(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try #require(
                try await subject.locks.tryAcquire("a", lease: nil, fenced: false, options: LockOptions())
                    .lease)
            #expect(lease.fence == nil)
            guard case .refused(let holder) = try await subject.other.tryAcquire("a") else {
                Issue.record("granted twice")
                return
            }
            #expect(holder.instanceID == subject.instanceID)
            #expect(holder.fencingToken == nil)
            try await lease.release()
        }
    }

    @Test(
        "names keep each other out by their bytes alone, also while they are waited for",
        arguments: LockContract.all)
    func names(_ contract: LockContract) async throws {
        try await contract.run { subject in
            // Two spellings of one word, equal to Swift.
            let names = ["caf\u{e9}", "cafe\u{301}"]
            var leases: [Lease] = []
            var waiters: [Task<Void, any Error>] = []
            for name in names {
                leases.append(try #require(try await subject.locks.tryAcquire(name).lease))
                waiters.append(
                    Task { try await subject.other.withLock(name, waitingAtMost: .seconds(20)) { _ in } })
                try await subject.expectWaiters(1, for: name)
            }
            // The first stays held: the second must be served for itself.
            try await subject.lose(names[1])
            try await waiters[1].value
            #expect(leases[0].isHeld)
            try await leases[0].release()
            try await waiters[0].value
            try? await leases[1].release()
            for name in names { try await subject.expectFree(name) }
        }
    }

    @Test(
        "an attempt does not overtake those who wait, even if the holder is lost", arguments: LockContract.all
    )
    func newcomer(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lost = try await subject.locks.acquire("a")
            let waiter = Task { try await subject.other.acquire("a", waitingAtMost: .seconds(20)) }
            try await subject.expectWaiters(1)
            try await subject.lose("a")
            #expect(try await subject.locks.tryAcquire("a").lease == nil)
            try await waiter.value.release()
            #expect(await code { try await lost.release() } == .lost)
            try await subject.expectFree()
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var name = "a"
        var lease: Duration?
        var options = LockOptions()
    }

    static let refusals = [
        Refusal(testDescription: "no name", name: ""),
        Refusal(testDescription: "a long name", name: String(repeating: "a", count: 513)),
        Refusal(testDescription: "a short lease", lease: .milliseconds(99)),
        Refusal(testDescription: "a long lease", lease: .seconds(86_401)),
        Refusal(testDescription: "a long delay", options: LockOptions(lockDelay: .seconds(61))),
        Refusal(
            testDescription: "a short hold", lease: .seconds(10),
            options: LockOptions(maximumHold: .seconds(9))),
    ]

    @Test("what cannot be is refused as an invalid argument", arguments: LockContract.all, refusals)
    func invalid(_ contract: LockContract, _ refusal: Refusal) async throws {
        try await contract.run { subject in
            let attempt = await code {
                _ = try await subject.locks.tryAcquire(
                    refusal.name, lease: refusal.lease, options: refusal.options)
            }
            let wait = await code {
                _ = try await subject.locks.acquire(
                    refusal.name, waitingAtMost: .zero, lease: refusal.lease, options: refusal.options)
            }
            #expect(attempt == .invalidArgument)
            #expect(wait == .invalidArgument)
        }
    }
}

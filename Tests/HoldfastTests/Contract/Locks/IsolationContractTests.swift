import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// Counts without a mutex: only its own isolation keeps its state together.
private actor Till {
    private(set) var cents = 0

    func add(_ cents: Int, under locks: any LockProvider) async throws -> Int {
        try await locks.withLock("till") { lease in
            assertIsolated()
            let before = self.cents
            await Task.yield()
            try lease.check()
            assertIsolated()
            self.cents = before + cents
            return self.cents
        }
    }
}

private final class Purse {
    var cents = 0
}

@Suite("The contract of a body's isolation")
struct IsolationContractTests {
    @Test(
        "the body of withLock runs on the caller's actor, whose state it changes", arguments: LockContract.all
    )
    func actor(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let till = Till()
            let locks = subject.locks
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await till.add(5, under: locks) } }
                for try await _ in group {}
            }
            #expect(await till.cents == 100)
        }
    }

    @Test("it uses what is not Sendable, and may be the main actor's", arguments: LockContract.all)
    @MainActor
    func mainActor(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let purse = Purse()
            try await subject.locks.withLock("purse") { _ in purse.cents += 1 }
            #expect(purse.cents == 1)
        }
        let purse = Purse()
        let locks = try Holdfast.inMemory(logger: .quiet)
        try await locks.withLock("purse") { _ in
            MainActor.assertIsolated()
            purse.cents += 1
        }
        try await locks.once("coin", in: "purse") { _ in
            MainActor.assertIsolated()
            purse.cents += 1
        }
        #expect(purse.cents == 2)
        await locks.close()
    }
}

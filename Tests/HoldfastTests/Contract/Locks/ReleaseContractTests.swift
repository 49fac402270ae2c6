import TestSupport
import Testing

@testable import Holdfast

@Suite("The contract of a release")
struct ReleaseContractTests {
    @Test("in the body of withLock cancels nothing", arguments: LockContract.all)
    func inBody(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let result = try await subject.locks.withLock("a") { lease in
                try await lease.release()
                // Each would throw if the body were cancelled.
                for _ in 0..<20 {
                    try await subject.locks.acquire("b").release()
                    try Task.checkCancellation()
                }
                try await subject.other.acquire("a", waitingAtMost: .seconds(20)).release()
                #expect(await code { try lease.check() } == .released)
                return 7
            }
            #expect(result == 7)
            try await subject.expectFree()
        }
    }

    @Test("in the body of withLock lets the body wait for the same name", arguments: LockContract.all)
    func reacquired(_ contract: LockContract) async throws {
        try await contract.run { subject in
            try await subject.locks.withLock("a") { lease in
                try await lease.release()
                try await subject.locks.withLock("a", waitingAtMost: .seconds(20)) { inner in
                    #expect(inner.isHeld && !lease.isHeld)
                }
            }
            try await subject.expectFree()
        }
    }

    @Test("that finds the lease lost says so for good, by each way to ask", arguments: LockContract.all)
    func foundLost(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            let changes = lease.statusChanges
            try await subject.lose("a")
            #expect(await code { try await lease.release() } == .lost)
            #expect(lease.status == .lost(.taken))
            #expect(await code { try lease.check() } == .lost)
            #expect(await code { try await lease.release() } == .lost)
            var seen: [LeaseStatus] = []
            for await status in changes { seen.append(status) }
            #expect(seen == [.held, .lost(.taken)])
            try await subject.expectFree()
        }
    }

    @Test("in the body of withLock that finds the lease lost cancels the body", arguments: LockContract.all)
    func foundLostInBody(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let error = await #expect(throws: HoldfastError.self) {
                try await subject.locks.withLock("a") { lease in
                    try await subject.lose("a")
                    #expect(await code { try await lease.release() } == .lost)
                    try await Gate().pass()
                }
            }
            #expect(error?.code == .lost && error?.underlying is CancellationError)
            // The body had begun.
            #expect(error?.mayHaveHappened == true)
        }
    }

    @Test("by several at once ends for all of them when the name is free", arguments: LockContract.all)
    func concurrent(_ contract: LockContract) async throws {
        try await contract.run { subject in
            for _ in 0..<20 {
                let lease = try await subject.locks.acquire("a")
                try await withThrowingDiscardingTaskGroup { group in
                    for _ in 0..<3 {
                        group.addTask {
                            try await lease.release()
                            #expect(try await !subject.isHeld("a"))
                        }
                    }
                }
            }
        }
    }
}

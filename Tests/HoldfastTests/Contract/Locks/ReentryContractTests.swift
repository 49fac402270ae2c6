import TestSupport
import Testing

@testable import Holdfast

@Suite("The contract of reentry")
struct ReentryContractTests {
    @Test(
        "an attempt at a name that one holds oneself is refused, with oneself as the holder",
        arguments: LockContract.all)
    func attempt(_ contract: LockContract) async throws {
        try await contract.run { subject in
            try await subject.locks.withLock("a") { lease in
                guard case .refused(let holder) = try await subject.locks.tryAcquire("a") else {
                    Issue.record("granted twice")
                    return
                }
                #expect(holder.instanceID == subject.instanceID)
                #expect(holder.fencingToken == lease.fence)
            }
            try await subject.expectFree()
        }
    }

    @Test("waiting for a lock in its own work is refused at once, however deep", arguments: LockContract.all)
    func wait(_ contract: LockContract) async throws {
        try await contract.run { subject in
            // A wait that is not refused ends by its limit, and the test fails instead of hanging.
            let waits: @Sendable () async throws -> Void = {
                _ = try await subject.locks.acquire("a", waitingAtMost: .seconds(5))
            }
            try await subject.locks.withLock("a") { _ in
                let error = await #expect(throws: HoldfastError.self) { try await waits() }
                #expect(error?.code == .reentrant)
                #expect(error?.message.contains("the lock a is held by this very task") == true)
                #expect(error?.mayHaveHappened == false)
                // Under another lock, in a child task, in a task of its own.
                try await subject.locks.withLock("b") { _ in
                    #expect(await code(waits) == .reentrant)
                    await withTaskGroup(of: Void.self) { group in
                        group.addTask { #expect(await code(waits) == .reentrant) }
                    }
                    #expect(await Task { await code(waits) }.value == .reentrant)
                    let nested = await code { try await subject.locks.withLock("a") { _ in } }
                    #expect(nested == .reentrant)
                }
            }
            try await subject.expectFree()
        }
    }

    @Test("a task that outlives the work in which it was made may have the lock", arguments: LockContract.all)
    func afterwards(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let isOver = Gate()
            let task = try await subject.locks.withLock("a") { _ in
                Task {
                    try await isOver.pass()
                    try await subject.locks.withLock("a", waitingAtMost: .seconds(20)) { _ in }
                }
            }
            isOver.open()
            try await task.value
            try await subject.expectFree()
        }
    }

    @Test(
        "a lock that was lost meanwhile is not held any more, and can be waited for",
        arguments: LockContract.all)
    func afterLoss(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let error = await code {
                try await subject.locks.withLock("a", lease: .milliseconds(600)) { lease in
                    try await subject.lose("a")
                    // Not a child, which the loss would cancel.
                    try await Task {
                        #expect(await eventually { !lease.isHeld })
                        try await subject.locks.acquire("a", waitingAtMost: .seconds(20)).release()
                    }.value
                }
            }
            #expect(error == .lost)
            try await subject.expectFree()
        }
    }

    @Test("a task apart may wait for it, and is served after the work", arguments: LockContract.all)
    func detached(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let task = try await subject.locks.withLock("a") { _ in
                let task = Task.detached {
                    try await subject.locks.withLock("a", waitingAtMost: .seconds(20)) { _ in }
                }
                try await subject.expectWaiters(1)
                return task
            }
            try await task.value
            try await subject.expectFree()
        }
    }
}

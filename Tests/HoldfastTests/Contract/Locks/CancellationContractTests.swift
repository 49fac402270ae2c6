import TestSupport
import Testing

@testable import Holdfast

@Suite("The contract of cancellation")
struct CancellationContractTests {
    @Test("a cancelled task acquires nothing", arguments: LockContract.all)
    func cancelledBefore(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let asking: [@Sendable () async throws -> Void] = [
                { _ = try await subject.locks.tryAcquire("a") },
                { _ = try await subject.locks.acquire("a") },
                { try await subject.locks.withLock("a") { _ in _ = Issue.record("the work began") } },
            ]
            for ask in asking {
                let task = Task {
                    try? await Gate().pass()
                    try await ask()
                }
                task.cancel()
                let result = await task.result
                #expect(throws: CancellationError.self) { try result.get() }
                try await subject.expectFree()
            }
        }
    }

    @Test("a wait that is cancelled ends at once and gives up its place", arguments: LockContract.all)
    func waiting(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            let waiter = Task { try await subject.other.acquire("a") }
            try await subject.expectWaiters(1)
            waiter.cancel()
            let result = await waiter.result
            #expect(throws: CancellationError.self) { try result.get() }
            try await subject.expectWaiters(0)
            try await lease.release()
            try await subject.expectFree()
        }
    }

    @Test("work that is cancelled is told so, and the lock is released after it", arguments: LockContract.all)
    func work(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let began = Gate()
            let task = Task {
                try await subject.locks.withLock("a") { lease in
                    began.open()
                    await #expect(throws: CancellationError.self) { try await Gate().pass() }
                    // Cancelled is not lost.
                    try lease.check()
                }
            }
            try await began.pass()
            task.cancel()
            try await task.value
            try await subject.expectFree()
        }
    }

    /// What can be cancelled on its way; each ends with nothing held.
    enum Operation: String, CaseIterable, CustomTestStringConvertible {
        case attempt, acquisition, wait, work

        var testDescription: String { rawValue }

        func callAsFunction(_ subject: Subject) async throws {
            switch self {
            case .attempt:
                try await subject.other.tryAcquire("a").lease?.release()
            case .acquisition:
                try await subject.other.acquire("a").release()
            case .wait:
                try await subject.other.acquire("a", waitingAtMost: .seconds(30)).release()
            case .work:
                try await subject.other.withLock("a") { _ in await Task.yield() }
            }
        }
    }

    @Test(
        "whatever is cancelled, wherever on its way, leaves nothing held and nobody waiting",
        arguments: LockContract.all, Operation.allCases)
    func anywhere(_ contract: LockContract, _ operation: Operation) async throws {
        try await contract.run { subject in
            for yields in 0..<40 {
                // A wait is for a holder that releases while the waiter is cancelled.
                let holder = operation == .wait ? try await subject.locks.acquire("a") : nil
                let task = Task { try await operation(subject) }
                if operation == .wait, yields % 2 == 0 { try await subject.expectWaiters(1) }
                let release = Task { try await holder?.release() }
                for _ in 0..<yields { await Task.yield() }
                task.cancel()
                do { try await task.value } catch { #expect(error is CancellationError) }
                try await release.value
                // Nothing is left that another would have to wait for.
                try await subject.locks.acquire("a", waitingAtMost: .seconds(20)).release()
                try await subject.expectFree()
            }
        }
    }

    @Test("a release is not interrupted", arguments: LockContract.all)
    func release(_ contract: LockContract) async throws {
        try await contract.run { subject in
            let lease = try await subject.locks.acquire("a")
            let task = Task {
                try? await Gate().pass()
                try await lease.release()
            }
            task.cancel()
            try await task.value
            #expect(lease.status == .released)
            try await subject.expectFree()
        }
    }
}

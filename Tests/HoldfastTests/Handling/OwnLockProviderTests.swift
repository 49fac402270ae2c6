import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

/// What a service may put in the place of its locks.
private final class OneLock: LockProvider {
    private let isFree = Mutex(true)

    func tryAcquire(
        _ name: String, lease: Duration?, fenced: Bool, options: LockOptions
    ) async throws -> Acquisition {
        let isTaken = isFree.withLock { isFree in
            defer { isFree = false }
            return isFree
        }
        return isTaken
            ? .acquired(.forTest(name, fencingToken: fenced ? FencingToken(rawValue: 7) : nil))
            : .refused(.forTest(instanceID: "other"))
    }

    func acquire(
        _ name: String, waitingAtMost limit: Duration?, lease: Duration?, fenced: Bool, options: LockOptions
    ) async throws -> Lease {
        switch try await tryAcquire(name, lease: lease, fenced: fenced, options: options) {
        case .acquired(let lease): return lease
        case .refused(let holder): throw HoldfastError(.notAcquired, "held", holder: holder)
        }
    }
}

@Suite("A provider of locks that is not Holdfast's")
struct OwnLockProviderTests {
    @Test("gives leases and holders made for tests")
    func answers() async throws {
        let locks = OneLock()
        let fence = try await locks.withLock("a") { lease in
            #expect(lease.name == "a" && lease.isHeld)
            return try lease.fencingToken
        }
        #expect(fence.rawValue == 7)
        guard case .refused(let holder) = try await locks.tryAcquire("a") else {
            Issue.record("it was taken twice")
            return
        }
        #expect(holder.instanceID == "other")
    }

    @Test("tells of a lease without a fence, and of one that was lost")
    func lease() throws {
        let unfenced = Lease.forTest(fencingToken: nil)
        let error = #expect(throws: HoldfastError.self) { try unfenced.fencingToken }
        #expect(error?.code == .unfenced && error?.message.contains("fenced: false") == true)
        let lease = Lease.forTest()
        lease.lose()
        #expect(lease.status == .lost(.taken))
        #expect(throws: HoldfastError.self) { try lease.check() }
    }
}

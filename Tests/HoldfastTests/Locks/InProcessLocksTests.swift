import HoldfastTesting
import Logging
import TestSupport
import Testing

@testable import Holdfast

/// What is its own; that it keeps the contract is in the contract suite.
@Suite("Locks in process")
struct InProcessLocksTests {
    @Test("warn when they are made that they exist in this process only, and say so of themselves")
    func loud() throws {
        let lines = Record<String>()
        let locks = try InProcessLocks(logger: .recording(lines))
        #expect(lines.all.count == 1)
        #expect(lines.all.first?.hasPrefix("warning: ") == true)
        #expect(lines.all.first?.contains("exist in this process only") == true)
        #expect("\(locks)".contains("in this process only"))
    }

    @Test("of two objects know nothing of each other, as of two processes")
    func apart() async throws {
        let (one, other) = (try InProcessLocks(logger: .quiet), try InProcessLocks(logger: .quiet))
        try await one.withLock("a") { _ in
            try await other.withLock("a") { lease in #expect(lease.isHeld) }
            #expect(one.heldNames == ["a"])
        }
        #expect(one.heldNames == [])
    }

    @Test("are told of a loss at once, before the next one begins")
    func loss() async throws {
        let locks = try InProcessLocks(logger: .quiet)
        let lease = try await locks.acquire("a")
        let waiter = Task {
            let next = try await locks.acquire("a")
            #expect(lease.status == .lost(.taken))
            try await next.release()
        }
        #expect(await eventually { locks.waiterCount(of: "a") == 1 })
        #expect(locks.lose("a"))
        try await waiter.value
        #expect(!locks.lose("a"))
        #expect(!locks.lose(""))
    }

    @Test("take the length of a lease from their configuration")
    func configuration() async throws {
        var configuration = Holdfast.Configuration()
        configuration.lease = .seconds(7)
        let locks = try InProcessLocks(configuration: configuration, logger: .quiet)
        #expect(try await locks.acquire("a").duration == .seconds(7))
        configuration.lease = .zero
        #expect(throws: HoldfastError.self) {
            _ = try InProcessLocks(configuration: configuration, logger: .quiet)
        }
    }

    @Test("let go of all that they keep when nobody has them or their leases")
    func freed() async throws {
        weak var keeper: InProcessLocks?
        do {
            let locks = try InProcessLocks(logger: .quiet)
            keeper = locks
            try await locks.withLock("a") { _ in }
        }
        #expect(keeper == nil)
    }
}

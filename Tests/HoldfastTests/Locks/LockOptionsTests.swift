import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A lock's options")
struct LockOptionsTests {
    @Test("keep the name taken for the lock-delay after a loss, for every client", arguments: [true, false])
    func lockDelay(fenced: Bool) async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try await holdfast.acquire(
                "a", lease: .seconds(9), fenced: fenced, options: LockOptions(lockDelay: .seconds(60))
            )
            func remaining() async throws -> Int64 {
                try #require(try await holdfast.redis("PTTL", "t:{a}:lock").integer)
            }
            #expect(try await (50_000...69_000).contains(remaining()))
            // Renewals keep the delay.
            let first = lease.grant.lease.deadline
            #expect(await eventually { lease.grant.lease.deadline > first })
            #expect(try await (50_000...69_000).contains(remaining()))
            // Lost, as a holder whose renewals stop.
            _ = lease.grant.update { $0.close() }
            let error = await #expect(throws: HoldfastError.self) { try await lease.release() }
            #expect(error?.code == .lost)
            guard case .refused(let holder) = try await holdfast.tryAcquire("a") else {
                Issue.record("granted within the lock-delay")
                return
            }
            #expect(try #require(holder.remaining) > .seconds(30))
            #expect(try await holdfast.redis("SET", "t:{a}:lock", "x", "NX", "PX", "1000").isNull)
        }
    }

    @Test("free the name at once when it is released, whatever the lock-delay")
    func released() async throws {
        try await withHoldfast { holdfast, _ in
            let options = LockOptions(lockDelay: .seconds(60))
            try await holdfast.withLock("a", options: options) { _ in }
            #expect(try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0)
            _ = try await holdfast.tryAcquire("a", options: options)
            #expect(try await eventually { try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0 })
        }
    }

    @Test("keep the name taken for the lock-delay when a client is closed that still holds it")
    func closed() async throws {
        try await withHoldfast { holdfast, server in
            let other = try client(of: server)
            let lease = try await other.acquire("a", options: LockOptions(lockDelay: .seconds(10)))
            await other.close()
            #expect(lease.status == .lost(.closed))
            let remaining = try await holdfast.redis("PTTL", "t:{a}:lock").integer
            #expect(try (1...10_000).contains(#require(remaining)))
        }
    }

    @Test("end the lease at its maximum hold although Redis would renew it, and the key ends by itself")
    func maximumHold() async throws {
        try await withHoldfast { holdfast, _ in
            let options = LockOptions(maximumHold: .milliseconds(1200))
            let began = ContinuousClock.now
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.withLock("a", lease: .seconds(1), options: options) { lease in
                    for await status in lease.statusChanges where !status.isHeld {
                        #expect(status == .lost(.heldTooLong))
                    }
                    try lease.check()
                }
            }
            #expect(error?.code == .lost)
            #expect(error?.message.contains("maximum") == true)
            #expect(.now - began >= .milliseconds(1200))
            let isFree = try await eventually {
                try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0
            }
            #expect(isFree)
        }
    }

    @Test(
        "that cannot be are refused before Redis is asked",
        arguments: [
            LockOptions(lockDelay: .milliseconds(-1)), LockOptions(lockDelay: .seconds(61)),
            LockOptions(maximumHold: .milliseconds(9_999)), LockOptions(maximumHold: .zero),
        ])
    func invalid(options: LockOptions) async throws {
        let holdfast = try Holdfast(redis: "redis://127.0.0.1:1", logger: .quiet)
        let error = await #expect(throws: HoldfastError.self) {
            _ = try await holdfast.tryAcquire("a", lease: .seconds(10), options: options)
        }
        #expect(error?.code == .invalidArgument)
        await holdfast.close()
    }
}

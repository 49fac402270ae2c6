import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A lock, until it ends")
struct LockEndTests {
    @Test("ends with its lease when the holder does nothing, and the next one's fence is higher")
    func expiry() async throws {
        try await withHoldfast { holdfast, _ in
            // A holder that died: its key is there, nobody renews it.
            let script = try await holdfast.core.link.evaluate(
                Scripts.acquire, keys: ["t:{a}:lock", "t:{a}:fence"],
                arguments: ["dead", "150", "60000", "try"])
            let dead = try #require(script.value.array?[1].integer)
            let lease = try await holdfast.acquire("a", waitingAtMost: .seconds(5))
            #expect(try lease.fencingToken.rawValue > dead)
            try await lease.release()
        }
    }

    @Test("is renewed while it is held")
    func renewal() async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try #require(try await holdfast.tryAcquire("a", lease: .seconds(9)).lease)
            let first = lease.grant.lease.deadline
            #expect(await eventually { lease.grant.lease.deadline > first })
            try lease.check()
            #expect(try await holdfast.redis("GET", "t:{a}:lock").string == lease.grant.token)
            try await lease.release()
        }
    }

    @Test("is not renewed, and is released, once nobody has its lease")
    func dropped() async throws {
        try await withHoldfast { holdfast, _ in
            _ = try await holdfast.tryAcquire("a")
            #expect(try await eventually { try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0 })
        }
    }

    @Test("that another has taken is not released by its former holder")
    func foreignRelease() async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            try await holdfast.redis("SET", "t:{a}:lock", "somebody else")
            let error = await #expect(throws: HoldfastError.self) { try await lease.release() }
            #expect(error?.code == .lost)
            #expect(try await holdfast.redis("GET", "t:{a}:lock").string == "somebody else")
            let again = await #expect(throws: HoldfastError.self) { try await lease.release() }
            #expect(again?.code == .lost)
        }
    }

    @Test("cancels the work when it is deleted in Redis, and says that it was lost")
    func loss() async throws {
        try await withHoldfast { holdfast, _ in
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.withLock("a", lease: .milliseconds(1500)) { lease in
                    try await holdfast.redis("DEL", "t:{a}:lock")
                    try await Gate().pass()
                }
            }
            #expect(error?.code == .lost)
            #expect(error?.underlying is CancellationError)
        }
    }

    @Test("cancels the work at its own deadline while Redis is silent")
    func silence() async throws {
        try await withHoldfast { holdfast, server in
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.withLock("a", lease: .seconds(1)) { lease in
                    try await server.pause()
                    try await Gate().pass()
                }
            }
            try await server.resume()
            #expect(error?.code == .lost)
        }
    }

    @Test("that ended before its release is lost unless Redis says that nobody else had it")
    func lateRelease() async throws {
        try await withHoldfast(commandTimeout: .milliseconds(200)) { holdfast, server in
            // No timer has noticed the end: the lease's request was sent long ago.
            func late(_ name: String) async throws -> Lease {
                let claim = try holdfast.core.lockClaim(name, lease: .milliseconds(100), fenced: true)
                return holdfast.core.keeper.hold(claim, fence: nil, sentAt: .now - .seconds(1))
            }
            let silent = try await late("a")
            try await server.pause()
            let unanswered = await #expect(throws: HoldfastError.self) { try await silent.release() }
            #expect(unanswered?.code == .lost)
            try await server.resume()
            let free = try await late("b")
            let refused = await #expect(throws: HoldfastError.self) { try await free.release() }
            #expect(refused?.code == .lost)
        }
    }

    @Test("whose grant arrives after its lease was over is not believed, and is released")
    func lateGrant() async throws {
        try await withHoldfast { holdfast, server in
            // Loads the script: the attempt is one command.
            try await holdfast.tryAcquire("warm").lease?.release()
            try await server.pause()
            let asked = ContinuousClock.now
            let acquisition = Task { try await holdfast.tryAcquire("a", lease: .milliseconds(300)) }
            let isOver = await eventually { .now > asked + .milliseconds(400) }
            #expect(isOver)
            try await server.resume()
            var code: HoldfastError.Code?
            do {
                _ = try await acquisition.value
            } catch let error as HoldfastError {
                code = error.code
            }
            #expect(code == .lost)
            let isFree = try await eventually {
                try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0
            }
            #expect(isFree)
        }
    }
}

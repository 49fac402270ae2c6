import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("The health of a client")
struct HealthTests {
    @Test("is good before the first use, and after it tells when the server was heard")
    func unusedAndUsed() async throws {
        try await withHoldfast { holdfast, _ in
            let unused = await holdfast.health
            #expect(!unused.isConnected)
            #expect(unused.lastReply == nil)
            #expect(unused.isWell())
            let before = ContinuousClock.now
            try await holdfast.redis("PING")
            let used = await holdfast.health
            #expect(used.isConnected)
            #expect(try #require(used.lastReply) > before)
            #expect(used.isWell())
        }
    }

    @Test("a frozen server keeps its connection and owes a reply: its silence shows, until it goes on")
    func frozen() async throws {
        try await withHoldfast(commandTimeout: .seconds(60)) { holdfast, server in
            try await holdfast.connect()
            try await server.pause()
            let asked = ContinuousClock.now
            let command = Task { try await holdfast.redis("PING") }
            #expect(await eventually { await holdfast.health.silence() > .milliseconds(20) })
            let health = await holdfast.health
            #expect(health.isConnected, "as far as anybody can see")
            #expect(health.failure == nil)
            #expect(try #require(health.replyOwedSince) >= asked)
            #expect(!health.isWell(silentAtMost: .milliseconds(20)))
            #expect(health.isWell(silentAtMost: .seconds(3600)))
            try await server.resume()
            _ = try await command.value
            let after = await holdfast.health
            #expect(after.replyOwedSince == nil)
            #expect(after.silence() == .zero)
            #expect(after.isWell(silentAtMost: .milliseconds(20)))
        }
    }

    @Test("a server that is gone is a failure that says why, until it is back")
    func gone() async throws {
        try await withHoldfast { holdfast, server in
            try await holdfast.connect()
            await server.kill()
            #expect(await eventually { await holdfast.health.failure != nil })
            let health = await holdfast.health
            #expect(!health.isConnected)
            #expect(!health.isWell(silentAtMost: .seconds(3600)))
            try await server.restart()
            #expect(await eventually { (try? await holdfast.redis("PING")) != nil })
            #expect(await holdfast.health.isWell())
        }
    }

    @Test("tells the last renewal that was granted")
    func renewal() async throws {
        try await withHoldfast(lease: .seconds(3)) { holdfast, _ in
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            #expect(await holdfast.health.lastRenewal == nil)
            #expect(await eventually { await holdfast.health.lastRenewal != nil })
            try await lease.release()
        }
    }
}

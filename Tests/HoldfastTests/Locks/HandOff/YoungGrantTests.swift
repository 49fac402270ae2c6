import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

/// A waiter that begins with the message of its grant, and confirms it meanwhile.
@Suite("A grant that is known to be young")
struct YoungGrantTests {
    /// A waiter behind a proxy, in the queue behind a holder.
    private func withWaiter(
        _ options: LockOptions = LockOptions(), fenced: Bool = true,
        _ body: @Sendable (Waiting) async throws -> Void
    ) async throws {
        try await withHoldfast { witness, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            try await listen(holdfast, beside: witness)
            let lease = try await witness.acquire("a")
            let waiter = Task {
                try await holdfast.acquire("a", waitingAtMost: .seconds(20), fenced: fenced, options: options)
            }
            #expect(try await eventually { try await witness.waiters(of: "a").count == 1 })
            try await body(
                Waiting(
                    holdfast: holdfast, witness: witness, proxy: proxy, holder: lease, waiter: waiter))
            await holdfast.close()
        }
    }

    private struct Waiting: Sendable {
        let holdfast: Holdfast
        let witness: Holdfast
        let proxy: FaultProxy
        let holder: Lease
        let waiter: Task<Lease, any Error>

        /// From now on, for what `holdfast` sends.
        func scripts(are actions: FaultAction..., when: FaultRule.When = .always) async throws {
            proxy.setRules([FaultRule(.request, of: "EVALSHA", when, actions)])
            // Passes after the rules have come.
            try await holdfast.redis("PING")
        }

        func isUnconfirmed() async throws -> Bool {
            try await witness.waiters(of: "a").first.map(\.isGranted) == [true]
        }

        func remaining() async throws -> Int64 {
            try await witness.redis("PTTL", "t:{a}:lock").integer ?? -3
        }
    }

    @Test("is enough to begin, before Redis has been asked")
    func begins() async throws {
        try await withWaiter { waiting in
            try await waiting.scripts(are: .drop, .blackHole(.request))
            try await waiting.holder.release()
            let lease = try await waiting.waiter.value
            #expect(lease.status == .held)
            #expect(lease.remaining > .seconds(1) && lease.remaining < .seconds(3))
            #expect(try await waiting.isUnconfirmed())
            let fence = try lease.fencingToken
            #expect(try await waiting.witness.lockStatus("a")?.holder.fencingToken == fence)
            #expect(try fence > waiting.holder.fencingToken)
        }
    }

    @Test("is confirmed with the lease, and leaves the queue")
    func confirmed() async throws {
        try await withWaiter { waiting in
            try await waiting.holder.release()
            let lease = try await waiting.waiter.value
            #expect(await eventually { lease.remaining > .seconds(20) })
            #expect(try await waiting.remaining() > 20_000)
            #expect(try await waiting.witness.waiters(of: "a").count == 0)
            try await lease.release()
            #expect(try await waiting.witness.lockStatus("a") == nil)
        }
    }

    @Test("is confirmed on the next connection where the first one was lost")
    func confirmedLater() async throws {
        try await withWaiter { waiting in
            try await waiting.scripts(are: .drop, .close, when: .call(1))
            try await waiting.holder.release()
            let lease = try await waiting.waiter.value
            #expect(await eventually { lease.remaining > .seconds(20) })
            #expect(try await waiting.witness.waiters(of: "a").count == 0)
            try await lease.release()
        }
    }

    @Test("is lost with the grant where nobody can confirm it, and the next one is served")
    func neverConfirmed() async throws {
        try await withWaiter { waiting in
            try await waiting.scripts(are: .drop, .blackHole(.request))
            let next = Task { try await waiting.witness.acquire("a", waitingAtMost: .seconds(20)) }
            #expect(try await eventually { try await waiting.witness.waiters(of: "a").count == 2 })
            try await waiting.holder.release()
            let lease = try await waiting.waiter.value
            #expect(await lease.untilLost() == .expired)
            waiting.proxy.setRules([])
            let served = try await next.value
            #expect(try served.fencingToken > lease.fencingToken)
            try await served.release()
        }
    }

    @Test("is lost where the confirmation finds somebody else, as after a force-release")
    func taken() async throws {
        try await withWaiter { waiting in
            waiting.proxy.setRules([FaultRule(.request, of: "EVALSHA", .always, [.delay(.milliseconds(300))])]
            )
            try await waiting.holder.release()
            let lease = try await waiting.waiter.value
            #expect(lease.isHeld)
            #expect(try await waiting.witness.forceRelease("a", token: lease.grant.token))
            #expect(await lease.untilLost() == .taken)
            // Its place goes, too.
            #expect(try await eventually { try await waiting.witness.waiters(of: "a").count == 0 })
        }
    }

    @Test("leaves the queue where another kind of client has overwritten the key meanwhile")
    func overwritten() async throws {
        try await withWaiter { waiting in
            try await waiting.scripts(are: .delay(.milliseconds(300)))
            try await waiting.holder.release()
            let lease = try await waiting.waiter.value
            try await waiting.witness.redis("SET", "t:{a}:lock", "other", "PX", "60000")
            #expect(await lease.untilLost() == .taken)
            #expect(
                try await eventually {
                    try await waiting.witness.redis("ZCARD", "t:{a}:waiters").integer == 0
                })
            try await waiting.witness.redis("DEL", "t:{a}:lock")
        }
    }

    @Test("is released without ever having been confirmed: its place goes, too")
    func releasedAtOnce() async throws {
        try await withWaiter { waiting in
            waiting.proxy.setRules([FaultRule(.request, of: "EVALSHA", .always, [.delay(.milliseconds(200))])]
            )
            try await waiting.holder.release()
            try await waiting.waiter.value.release()
            waiting.proxy.setRules([])
            #expect(try await waiting.witness.redis("EXISTS", "t:{a}:lock", "t:{a}:waiters").integer == 0)
        }
    }

    @Test("is not made of what somebody else publishes")
    func garbage() async throws {
        try await withWaiter { waiting in
            let token = try #require(
                try await waiting.witness.redis("ZRANGE", "t:{a}:waiters", "0", "0").array?.first?.string)
            for message in [
                "", " ", "  ", "x", "x 1", "\(token)x 9000000000000000",
            ] {
                try await waiting.witness.redis(
                    "PUBLISH", .string("t:wake:\(token.prefix(16))"), .string(message))
            }
            try await waiting.holder.release()
            try await waiting.waiter.value.release()
        }
    }

    @Test("is confirmed first where a lock-delay is to follow a loss")
    func lockDelay() async throws {
        try await withWaiter(LockOptions(lockDelay: .seconds(10))) { waiting in
            try await waiting.scripts(are: .drop, .close, when: .call(1))
            try await waiting.holder.release()
            // It asked, on the connection that was closed, and goes on waiting: it has begun when it is answered.
            let lease = try await waiting.waiter.value
            #expect(waiting.proxy.log.map(\.action).contains(.close))
            #expect(try await waiting.remaining() > 30_000)
            try await lease.release()
        }
    }

    @Test("gives no fence to a waiter that wants none")
    func unfenced() async throws {
        try await withWaiter(fenced: false) { waiting in
            try await waiting.scripts(are: .drop, .blackHole(.request))
            try await waiting.holder.release()
            let lease = try await waiting.waiter.value
            #expect(lease.fence == nil)
            #expect(try await waiting.isUnconfirmed())
        }
    }

    @Test(
        "is not what an old message tells, or one without a fence: then Redis is asked first",
        arguments: [true, false])
    func oldMessage(hasFence: Bool) async throws {
        try await withWaiter { waiting in
            let token = try #require(
                try await waiting.witness.redis("ZRANGE", "t:{a}:waiters", "0", "0").array?.first?.string)
            let known = try waiting.holder.fencingToken
            let channel = "t:wake:\(token.prefix(16))"
            let ended = Record<Bool>()
            let watch = Task {
                _ = try? await waiting.waiter.value
                ended.add(true)
            }
            let before = try await waiting.witness.scriptCalls()
            let message = hasFence ? "\(token) \(known)" : token
            #expect(
                try await waiting.witness.redis("PUBLISH", .string(channel), .string(message)).integer == 1)
            // It has asked, and been refused.
            #expect(try await eventually { try await waiting.witness.scriptCalls() > before })
            #expect(ended.all.isEmpty)
            try await waiting.holder.release()
            try await waiting.waiter.value.release()
            await watch.value
        }
    }
}

import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

@Suite("A question for a lock whose answer comes late or never")
struct LostAnswerTests {
    @Test("is asked again, and answered as the first time", arguments: [true, false])
    func lostAnswer(isFree: Bool) async throws {
        try await withHoldfast { witness, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            try await listen(holdfast, beside: witness)
            let lease = isFree ? nil : try await witness.acquire("a")
            proxy.setRules([FaultRule(.reply, of: "EVALSHA", .call(1), [.drop, .close])])
            let waiter = Task { try await holdfast.acquire("a", waitingAtMost: .seconds(20)) }
            if let lease {
                #expect(try await eventually { try await witness.waiters(of: "a").count == 1 })
                try await lease.release()
            }
            let next = try await waiter.value
            #expect(try await witness.lockStatus("a")?.holder.fencingToken == next.fencingToken)
            try await next.release()
            await holdfast.close()
        }
    }

    @Test("is asked again where its caller does not wait, and so is that for a release")
    func lostAnswers() async throws {
        try await withHoldfast { witness, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            try await holdfast.acquire("warm").release()
            let lost = [FaultRule(.reply, of: "EVALSHA", .call(1), [.drop, .close])]
            proxy.setRules(lost)
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            #expect(try await witness.lockStatus("a")?.holder.fencingToken == lease.fencingToken)
            proxy.setRules(lost)
            try await lease.release()
            #expect(try await witness.lockStatus("a") == nil)
            await holdfast.close()
        }
    }

    /// The server forgot the script of the question, and not the one by which its caller leaves: so the question is
    /// answered after the caller has left.
    @Test("leaves nothing behind where it is answered after its caller has left", arguments: [true, false])
    func overtaken(isFree: Bool) async throws {
        try await withHoldfast { witness, server in
            let holdfast = try client(of: server)
            try await listen(holdfast, beside: witness)
            let lease = isFree ? nil : try await witness.acquire("a")
            try await witness.redis("SCRIPT", "FLUSH")
            _ = try await witness.core.link.evaluate(
                Scripts.leave, keys: ["t:{b}:lock", "t:{b}:fence", "t:{b}:waiters"],
                arguments: ["x", "3000", "t:wake:", "60000"])
            try await server.pause()
            let waiter = Task { try await holdfast.acquire("a") }
            #expect(await eventually { await holdfast.health.replyOwedSince != nil })
            waiter.cancel()
            let result = await waiter.result
            #expect(throws: CancellationError.self) { try result.get() }
            try await server.resume()
            #expect(
                try await eventually {
                    // Every command of before has been answered.
                    guard await holdfast.health.replyOwedSince == nil else { return false }
                    let isHeld = try await witness.redis("EXISTS", "t:{a}:lock").integer == 1
                    let count = try await witness.waiters(of: "a").count
                    return isHeld == !isFree && count == 0
                })
            try await lease?.release()
            await holdfast.close()
        }
    }

    @Test("does not shorten the time for which a lost lock is kept")
    func kept() async throws {
        try await withHoldfast { witness, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            try await listen(holdfast, beside: witness)
            proxy.setRules([FaultRule(.reply, of: "EVALSHA", .call(1), [.drop, .close])])
            let options = LockOptions(lockDelay: .seconds(60), maximumHold: .seconds(1))
            let lease = try await holdfast.acquire("a", lease: .seconds(1), options: options)
            #expect(await lease.grant.untilLost() == .heldTooLong)
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.acquire("a", waitingAtMost: .milliseconds(500))
            }
            #expect(error?.code == .notAcquired)
            #expect(try await witness.redis("GET", "t:{a}:lock").string == lease.grant.token)
            await holdfast.close()
        }
    }

    /// Bytes that were under way on a connection that was given up reach the server at last.
    @Test("passes on what it is granted once its caller has had the lock, and nothing before")
    func ghost() async throws {
        try await withHoldfast { witness, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            try await listen(holdfast, beside: witness)
            proxy.setRules([FaultRule(.reply, of: "EVALSHA", .call(1), [.drop, .close])])
            let first = try await holdfast.acquire("a")
            let claim = first.grant.claim
            var departed = DepartedClaims()
            departed.insert(claim, after: first.grant)
            #expect(departed[claim.token] == nil)
            try await first.release()
            #expect(departed[claim.token] != nil)

            let second = try await witness.acquire("a")
            let channels = witness.core.keys.wakeChannels
            _ = try await witness.core.link.call(.acquire(claim, .wait, wakeChannels: channels))
            #expect(try await witness.waiters(of: "a").count == 1)
            // A grant for ten minutes: it does not end by itself in this test.
            _ = try await witness.core.link.evaluate(
                Scripts.release, keys: second.grant.claim.kind.endingKeys,
                arguments: [.string(second.grant.token), "600000", .string(channels), FencingToken.lifetime])
            #expect(
                try await eventually {
                    try await witness.redis("EXISTS", "t:{a}:lock", "t:{a}:waiters").integer == 0
                })
            await holdfast.close()
        }
    }
}

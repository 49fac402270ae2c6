import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("Hand-off")
struct HandOffTests {
    /// Waits until `count` callers stand in the queue of "a".
    private func queued(_ count: Int64, _ holdfast: Holdfast) async throws {
        let isQueued = try await eventually {
            try await holdfast.redis("ZCARD", "t:{a}:waiters").integer == count
        }
        #expect(isQueued)
    }

    private func isClean(_ holdfast: Holdfast) async throws -> Bool {
        try await eventually {
            try await holdfast.redis("EXISTS", "t:{a}:lock", "t:{a}:waiters").integer == 0
        }
    }

    /// How many scripts the server has run.
    private func scripts(_ holdfast: Holdfast) async throws -> Int {
        let info = try await holdfast.redis("INFO", "commandstats").string ?? ""
        return info.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("cmdstat_evalsha:") }
            .compactMap { Int($0.split(separator: "=")[1].prefix { $0.isNumber }) }.reduce(0, +)
    }

    @Test("serves waiters of three instances in the order they came")
    func order() async throws {
        try await withHoldfast { first, server in
            let clients = [first, try client(of: server), try client(of: server)]
            // Each instance listens from its first wait on.
            for client in clients.dropFirst() { try await listen(client, beside: first) }
            try await listen(first, beside: clients[1])
            let lease = try #require(try await first.tryAcquire("a").lease)
            let served = Record<Int>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<12 {
                    group.addTask {
                        try await clients[index % 3].withLock("a") { _ in
                            served.add(index)
                        }
                    }
                    try await queued(Int64(index + 1), first)
                }
                try await lease.release()
                try await group.waitForAll()
            }
            #expect(served.all == Array(0..<12))
            #expect(try await isClean(first))
            for client in clients.dropFirst() { await client.close() }
        }
    }

    @Test("polls nothing: waiting and being served are three commands, however long it takes")
    func cost() async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            try await listen(second, beside: first)
            let lease = try #require(try await first.tryAcquire("a").lease)
            let before = try await scripts(first)
            let waiter = Task { try await second.acquire("a") }
            try await queued(1, first)
            try await lease.release()
            let next = try await waiter.value
            // Confirmed.
            #expect(await eventually { next.remaining > .seconds(10) })
            #expect(try await scripts(first) - before == 3)
            await second.close()
        }
    }

    @Test("goes on while the server's memory is full", arguments: [false, true])
    func fullMemory(isForced: Bool) async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            try await listen(second, beside: first)
            let lease = try await first.acquire("a")
            let waiter = Task { try await second.acquire("a") }
            try await queued(1, first)
            try await first.redis("CONFIG", "SET", "maxmemory", "1")
            if isForced {
                #expect(try await first.forceRelease("a", token: lease.grant.token))
            } else {
                try await lease.release()
            }
            let next = try await waiter.value
            #expect(try next.fencingToken > lease.fencingToken)
            try await next.release()
            #expect(try await isClean(first))
            try await first.redis("CONFIG", "SET", "maxmemory", "0")
            await second.close()
        }
    }

    @Test("is told of beside scores that nobody of ours has written", arguments: ["inf", "-inf", "1e300"])
    func hostileScores(score: String) async throws {
        try await withHoldfast { holdfast, _ in
            try await holdfast.redis("ZADD", "t:{a}:waiters", .string(score), "x")
            let told = try await holdfast.waiters(of: "a", atMost: .max)
            #expect(told.count == 1 && told.first[0].waitingFor == .zero)
            #expect(told.first[0].isGranted == score.hasPrefix("-"))
            try await holdfast.redis("DEL", "t:{a}:waiters")
        }
    }

    @Test("grants the next one when the holder died, as soon as its lease has ended")
    func deadHolder() async throws {
        try await withHoldfast { holdfast, _ in
            try await holdfast.redis("SET", "t:{a}:lock", "dead", "PX", "300")
            try await holdfast.acquire("a", waitingAtMost: .seconds(10)).release()
            #expect(try await isClean(holdfast))
        }
    }

    @Test("skips waiters whose instance is gone")
    func deadWaiters() async throws {
        try await withHoldfast { holdfast, server in
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            for number in 10..<60 {
                let dead = "0123456789abcdef:0123456789abcdef01234567890123\(number)"
                try await holdfast.redis("ZADD", "t:{a}:waiters", .integer(Int64(number)), .string(dead))
            }
            let waiter = Task { try await holdfast.acquire("a", waitingAtMost: .seconds(10)) }
            try await queued(51, holdfast)
            try await lease.release()
            try await waiter.value.release()
            #expect(try await isClean(holdfast))
        }
    }

    @Test("that nobody confirms costs the silent instance all its places, and the others one grant")
    func silentInstance() async throws {
        try await withHoldfast { holdfast, server in
            // Hears of grants and does nothing.
            let deaf = try client(of: server)
            let subscription = try deaf.core.link.subscribe("t:wake:0123456789abcdef") { _ in }
            let lease = try #require(try await holdfast.tryAcquire("a", lease: .seconds(5)).lease)
            for number in 10..<20 {
                let frozen = "0123456789abcdef:0123456789abcdef01234567890123\(number)"
                try await holdfast.redis("ZADD", "t:{a}:waiters", .integer(Int64(number)), .string(frozen))
            }
            let isHeard = try await eventually {
                try await holdfast.redis("PUBLISH", "t:wake:0123456789abcdef", "x").integer == 1
            }
            #expect(isHeard)
            let waiter = Task {
                try await holdfast.acquire("a", waitingAtMost: .seconds(60), lease: .seconds(5))
            }
            try await queued(11, holdfast)
            try await lease.release()
            #expect(
                try await holdfast.redis("GET", "t:{a}:lock").string?.hasPrefix("0123456789abcdef:") == true)
            let next = try await waiter.value
            #expect(try await holdfast.redis("ZCARD", "t:{a}:waiters").integer == 0)
            try await next.release()
            subscription.cancel()
            await deaf.close()
        }
    }

    @Test("is heard of by the waiter's own check where its message was lost, and keeps its place")
    func lostMessage() async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            try await listen(second, beside: first)
            let lease = try #require(try await first.tryAcquire("a", lease: .seconds(1)).lease)
            let waiter = Task {
                try await second.acquire("a", waitingAtMost: .seconds(10), lease: .seconds(1))
            }
            try await queued(1, first)
            let token = try #require(
                try await first.redis("ZRANGE", "t:{a}:waiters", "0", "0").array?[0].string)
            // What release.lua does, with a message that nobody gets.
            try await first.redis("SET", "t:{a}:lock", .string(token), "PX", "1000")
            let next = try await waiter.value
            #expect(next.grant.token == token)
            try await next.release()
            await #expect(throws: HoldfastError.self) { try await lease.release() }
            await second.close()
        }
    }

    @Test("passes by who was cancelled or timed out, at once")
    func leaving() async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            let cancelled = Task { try await holdfast.acquire("a") }
            try await queued(1, holdfast)
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.acquire("a", waitingAtMost: .milliseconds(100))
            }
            #expect(error?.code == .notAcquired)
            #expect(error?.holder?.value == lease.grant.token)
            cancelled.cancel()
            let result = await cancelled.result
            #expect(throws: CancellationError.self) { try result.get() }
            try await queued(0, holdfast)
            try await lease.release()
            #expect(try await isClean(holdfast))
        }
    }

    @Test("that races with a cancellation is passed on, at any moment", arguments: 0..<30)
    func racingCancellation(round: Int) async throws {
        try await withHoldfast { holdfast, server in
            let other = try client(of: server)
            try await listen(other, beside: holdfast)
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            let cancelled = Task { try await other.acquire("a") }
            try await queued(1, holdfast)
            let last = Task { try await holdfast.acquire("a", waitingAtMost: .seconds(20)) }
            try await queued(2, holdfast)
            let release = Task { try await lease.release() }
            for _ in 0..<round { await Task.yield() }
            cancelled.cancel()
            try await release.value
            // Cancelled, or served a moment before.
            if let lease = try? await cancelled.value { try await lease.release() }
            try await last.value.release()
            #expect(try await isClean(holdfast))
            await other.close()
        }
    }

    @Test("goes on after the connection for messages, and that for commands, were lost")
    func reconnection() async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            try await listen(second, beside: first)
            let lease = try #require(try await first.tryAcquire("a").lease)
            let waiters = (0..<3).map { _ in
                Task { try await second.withLock("a", waitingAtMost: .seconds(20)) { _ in } }
            }
            try await queued(3, first)
            try await first.redis("CLIENT", "KILL", "TYPE", "pubsub")
            try await first.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            try await lease.release()
            for waiter in waiters { try await waiter.value }
            #expect(try await isClean(first))
            await second.close()
        }
    }

    @Test("goes on after Redis forgot everything")
    func flush() async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try #require(try await holdfast.tryAcquire("a", lease: .seconds(1)).lease)
            let waiters = (0..<5).map { _ in
                Task {
                    try await holdfast.withLock("a", waitingAtMost: .seconds(20), lease: .seconds(1)) { _ in }
                }
            }
            try await queued(5, holdfast)
            try await holdfast.redis("FLUSHALL")
            for waiter in waiters { try await waiter.value }
            await #expect(throws: HoldfastError.self) { try await lease.release() }
            #expect(try await isClean(holdfast))
        }
    }

    @Test("leaves no room for callers that do not wait, unless they barge in")
    func newcomers() async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            try await listen(second, beside: first)
            try await listen(first, beside: second)
            // The holder died just now, and the waiter has not looked yet.
            let lease = try #require(try await first.tryAcquire("a").lease)
            let waiter = Task { try await second.acquire("a", waitingAtMost: .seconds(20)) }
            try await queued(1, first)
            try await first.redis("DEL", "t:{a}:lock")
            #expect(try await first.tryAcquire("a").lease == nil)
            let served = try await waiter.value
            let slow = Task { try await second.acquire("a", waitingAtMost: .seconds(20)) }
            try await queued(1, first)
            let fast = Task {
                try await first.acquire(
                    "a", waitingAtMost: .seconds(20), options: LockOptions(barging: true))
            }
            try await queued(2, first)
            try await served.release()
            let barged = try await fast.value
            #expect(try await first.redis("ZCARD", "t:{a}:waiters").integer == 1)
            try await barged.release()
            try await slow.value.release()
            await #expect(throws: HoldfastError.self) { try await lease.release() }
            await second.close()
        }
    }

    @Test("takes no lock where a key of another type stands in place of its queue", arguments: [false, true])
    func foreignQueue(barging: Bool) async throws {
        try await withHoldfast { holdfast, _ in
            try await holdfast.redis("RPUSH", "t:{a}:waiters", "x")
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.acquire("a", options: LockOptions(barging: barging))
            }
            #expect(error?.mayHaveHappened == false)
            #expect(try await holdfast.redis("EXISTS", "t:{a}:lock", "t:{a}:fence").integer == 0)
        }
    }

    @Test("leaves nothing behind where a wait is cancelled, or a lease dropped, right before close()")
    func givenUpBeforeClose() async throws {
        try await withHoldfast { first, server in
            let lease = try #require(try await first.tryAcquire("a").lease)
            for _ in 0..<40 {
                let second = try client(of: server)
                let waiter = Task {
                    await #expect(throws: CancellationError.self) { try await second.acquire("a") }
                    await second.close()
                }
                try await queued(1, first)
                // What gives up the place takes a second round trip then, with the whole script.
                try await first.redis("SCRIPT", "FLUSH")
                waiter.cancel()
                await waiter.value
                #expect(try await first.redis("EXISTS", "t:{a}:waiters").integer == 0)

                let third = try client(of: server)
                let dropped = try await third.tryAcquire("b").lease
                try await first.redis("SCRIPT", "FLUSH")
                withExtendedLifetime(consume dropped) {}
                await third.close()
                #expect(try await first.redis("EXISTS", "t:{b}:lock").integer == 0)
            }
            try await lease.release()
        }
    }

    @Test("ends with the client: its waiters fail, and leave the queue")
    func close() async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            let lease = try #require(try await first.tryAcquire("a").lease)
            let waiter = Task { try await second.acquire("a") }
            try await queued(1, first)
            await second.close()
            let result = await waiter.result
            let error = #expect(throws: HoldfastError.self) { try result.get() }
            #expect(error?.code == .closed)
            try await queued(0, first)
            try await lease.release()
        }
    }
}

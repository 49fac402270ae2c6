import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// The scripts alone, on queues that are laid out by hand: who is granted a lock that gets free, and who leaves.
@Suite("The scripts of the hand-off")
struct HandOffScriptTests {
    private func withLock(
        on backend: Backend, _ body: @Sendable (QueuedLock) async throws -> Void
    ) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let lock = QueuedLock(holdfast: holdfast)
            // Only "a" and "b" answer.
            let subscriptions = [try await lock.listen("a"), try await lock.listen("b")]
            try await body(lock)
            for subscription in subscriptions { subscription.cancel() }
        }
    }

    @Test(
        "a lock that is released goes to the first who listens; an instance that does not loses all places",
        arguments: Backend.all)
    func deafInstance(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("f9")
            try await lock.queue("d1", "d2", "a1", "d3", "a2", "d4")
            #expect(try await lock.release("f9"))
            try await lock.expect(owner: "a1", queue: "-a1", "a2")
            #expect(await eventually { lock.heard.all == ["a1"] })
            // A grant is short.
            #expect(try await (1...3000).contains(lock.remaining("lock")))
        }
    }

    @Test("a grant brings the next fence along, where the name has fences", arguments: Backend.all)
    func fencedGrant(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            #expect(try await lock.acquire("f9", .attempt))
            let before = try await lock.fence()
            try await lock.queue("a1", "b1")
            #expect(try await lock.release("f9"))
            #expect(await eventually { lock.fences.all.count == 1 })
            let fence = try await lock.fence()
            #expect(lock.fences.all == [fence])
            #expect(fence > before)
            // The same for who confirms by asking again.
            #expect(try await lock.answer("a1", .wait).value.array?.last?.integer == fence)
            #expect(try await lock.release("a1"))
            #expect(await eventually { lock.fences.all.count == 2 })
            #expect(lock.fences.all[1] > fence)
        }
    }

    @Test(
        "a grant's fence is higher than the last one, even where the server's clock was set back",
        arguments: Backend.all)
    func fenceOfTheFuture(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("f9")
            try await lock.holdfast.redis(
                "SET", "t:{a}:fence", .string("9000000000000000\(QueuedLock.token("f9"))"))
            try await lock.queue("a1")
            #expect(try await lock.release("f9"))
            #expect(await eventually { lock.fences.all == [9_000_000_000_000_001] })
            #expect(try await lock.fence() == 9_000_000_000_000_001)
        }
    }

    @Test("a name without fences gets none by a grant", arguments: Backend.all)
    func unfencedGrant(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("f9")
            try await lock.queue("a1")
            #expect(try await lock.release("f9"))
            #expect(await eventually { lock.heard.all == ["a1"] })
            #expect(lock.fences.all.isEmpty)
            #expect(try await lock.holdfast.redis("EXISTS", "t:{a}:fence").integer == 0)
        }
    }

    @Test(
        "a foreign value in the place of the fence does not keep a lock from being handed on",
        arguments: Backend.all)
    func foreignFence(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("f9")
            try await lock.holdfast.redis("ZADD", "t:{a}:fence", "1", "x")
            try await lock.queue("a1")
            #expect(try await lock.release("f9"))
            #expect(await eventually { lock.heard.all == ["a1"] })
            #expect(lock.fences.all.isEmpty)
            try await lock.expect(owner: "a1", queue: "-a1")
            try await lock.holdfast.redis("DEL", "t:{a}:fence")
        }
    }

    @Test("a renewal confirms a grant, of the owner alone", arguments: Backend.all)
    func confirmingRenewal(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("a1")
            try await lock.queue("-a1", "b1")
            #expect(try await !lock.confirm("b1"))
            try await lock.expect(owner: "a1", queue: "-a1", "b1")
            for _ in 0..<2 {
                #expect(try await lock.confirm("a1"))
                try await lock.expect(owner: "a1", queue: "b1")
                #expect(try await (20_000...30_000).contains(lock.remaining("lock")))
            }
        }
    }

    @Test("a lock of which nobody hears is free, and its queue is empty", arguments: Backend.all)
    func nobodyListens(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("f9")
            try await lock.queue("d1", "e1", "d2")
            #expect(try await lock.release("f9"))
            try await lock.expect(owner: nil)
        }
    }

    @Test(
        "a grant that ended unconfirmed costs its instance all places, before and behind the next one",
        arguments: Backend.all)
    func silentInstance(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.queue("-a1", "a2", "b1", "a3", "b2")
            #expect(try await !lock.acquire("c1", .attempt))
            try await lock.expect(owner: "b1", queue: "-b1", "b2")
        }
    }

    @Test(
        "of the instance that asks, which lives, only the waiter leaves that did not confirm",
        arguments: Backend.all)
    func ownInstance(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.queue("-a1", "a2", "a3")
            #expect(try await !lock.acquire("a3", .wait))
            try await lock.expect(owner: "a2", queue: "-a2", "a3")
        }
    }

    @Test(
        "a waiter that finds the lock free at its turn has it at once, without a message",
        arguments: Backend.all)
    func ownTurn(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.queue("d1", "a1")
            #expect(try await lock.acquire("d1", .wait))
            try await lock.expect(owner: "d1", queue: "a1")
            #expect(try await (20_000...30_000).contains(lock.remaining("lock")))
        }
    }

    @Test(
        "a grant that is confirmed lasts for the lease, and its waiter stands in the queue no more",
        arguments: Backend.all)
    func confirmation(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            for (name, mode) in [("a1", LeaseClaim.Mode.wait), ("b1", .barge), ("c1", .attempt)] {
                try await lock.own(name)
                try await lock.queue("-\(name)", "z1")
                #expect(try await lock.acquire(name, mode))
                try await lock.expect(owner: name, queue: "z1")
                #expect(try await (20_000...30_000).contains(lock.remaining("lock")))
            }
        }
    }

    @Test("a waiter that comes too late for its grant goes to the end", arguments: Backend.all)
    func tooLate(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("b9")
            try await lock.queue("-a1", "b1")
            #expect(try await !lock.acquire("a1", .wait))
            try await lock.expect(owner: "b9", queue: "b1", "a1")
        }
    }

    @Test("asking again keeps the place, and the queue alive", arguments: Backend.all)
    func place(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("b9")
            try await lock.queue("a1", "b1")
            try await lock.holdfast.redis("PEXPIRE", "t:{a}:waiters", "1000")
            #expect(try await !lock.acquire("a1", .wait))
            try await lock.expect(owner: "b9", queue: "a1", "b1")
            #expect(try await (50_000...60_000).contains(lock.remaining("waiters")))
        }
    }

    @Test(
        "a caller that gets its place only now is told so, also where the lock was free",
        arguments: Backend.all)
    func newPlace(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            for (name, isNew) in [("b1", Int64(1)), ("b1", 0), ("b2", 1)] {
                // Free, and "a1" the next one.
                try await lock.holdfast.redis("DEL", "t:{a}:lock")
                try await lock.queue("a1")
                let reply = try await lock.answer(name, .wait)
                #expect(!reply.isYes)
                #expect(reply.value.array?.last?.integer == isNew)
            }
        }
    }

    @Test(
        "who barges in goes before those who wait, not before who is granted; an attempt takes no place",
        arguments: Backend.all)
    func modes(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("b1")
            try await lock.queue("-b1", "a1")
            for (name, mode) in [
                ("c1", LeaseClaim.Mode.wait), ("d1", .barge), ("e1", .barge), ("f1", .attempt),
            ] {
                #expect(try await !lock.acquire(name, mode))
            }
            try await lock.expect(owner: "b1", queue: "-b1", "e1", "d1", "a1", "c1")
        }
    }

    @Test(
        "who barges in takes a lock that is free from under those who wait, and leaves no place behind",
        arguments: Backend.all)
    func bargesIntoFree(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.queue("a1", "c1")
            #expect(try await lock.acquire("c1", .barge))
            try await lock.expect(owner: "c1", queue: "a1")
        }
    }

    @Test(
        "who leaves takes its place along, and passes on what it was granted, and nothing else",
        arguments: Backend.all)
    func leaving(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("a1")
            try await lock.queue("-a1", "a2", "a3")
            #expect(try await !lock.leave("a2"))
            try await lock.expect(owner: "a1", queue: "-a1", "a3")
            #expect(try await lock.leave("a1"))
            try await lock.expect(owner: "a3", queue: "-a3")
            #expect(try await !lock.leave("a1"))
            try await lock.expect(owner: "a3", queue: "-a3")
        }
    }

    @Test("a release of what was granted and never confirmed gives the place up, too", arguments: Backend.all)
    func unconfirmedRelease(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("a1")
            try await lock.queue("-a1", "a2")
            #expect(try await lock.release("a1"))
            try await lock.expect(owner: "a2", queue: "-a2")
        }
    }

    @Test(
        "a release of what was never confirmed and is over gives the place up, and nothing else",
        arguments: Backend.all)
    func lateUnconfirmedRelease(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("b1")
            try await lock.queue("-a1", "a2")
            #expect(try await !lock.release("a1"))
            try await lock.expect(owner: "b1", queue: "a2")
        }
    }

    @Test(
        "a release after the end of the lease grants the next one; a second one takes nothing from it",
        arguments: Backend.all)
    func lateRelease(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.queue("a1", "a2")
            for _ in 0..<2 {
                #expect(try await !lock.release("b1"))
                try await lock.expect(owner: "a1", queue: "-a1", "a2")
            }
        }
    }

    @Test(
        "a forced release grants the next one with a fence that keeps the former holder out",
        arguments: Backend.all)
    func forcedRelease(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            #expect(try await lock.acquire("b1", .wait))
            try await lock.queue("a1", "a2")
            let fence = try await lock.fence()
            #expect(try await !lock.holdfast.forceRelease("a", token: QueuedLock.token("c1")))
            #expect(try await lock.fence() == fence)
            #expect(try await lock.holdfast.forceRelease("a", token: QueuedLock.token("b1")))
            try await lock.expect(owner: "a1", queue: "-a1", "a2")
            #expect(try await lock.fence() > fence)
            #expect(try await (1...604_800_000).contains(lock.remaining("fence")))
        }
    }

    @Test(
        "a forced release of a grant that nobody confirms passes it on, with a fence above one from the future",
        arguments: Backend.all)
    func forcedGrant(_ backend: Backend) async throws {
        try await withLock(on: backend) { lock in
            try await lock.own("a1")
            try await lock.queue("-a1", "b1")
            try await lock.holdfast.redis("SET", "t:{a}:fence", "4000000000000000x")
            #expect(try await lock.holdfast.forceRelease("a", token: QueuedLock.token("a1")))
            try await lock.expect(owner: "b1", queue: "-b1")
            // One for the former holder's sake, the next one for the grant.
            #expect(try await lock.fence() == 4_000_000_000_000_002)
            #expect(await eventually { lock.fences.all == [4_000_000_000_000_002] })
        }
    }
}

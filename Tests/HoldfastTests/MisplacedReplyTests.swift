import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

/// A broken proxy in front of Redis: it swaps two replies, or sends one twice.
@Suite("Replies to other commands")
struct MisplacedReplyTests {
    /// The first reply waits for the others' requests, so that two commands are under way.
    private static let faults: [FaultAction] = [.swap, .duplicate]

    private func through(
        lease: Duration = .seconds(30),
        _ body: @Sendable (Holdfast, _ other: Holdfast, FaultProxy) async throws -> Void
    ) async throws {
        try await withHoldfast { other, server in
            let proxy = try FaultProxy(to: server.unixURL)
            var configuration = Holdfast.Configuration()
            configuration.lease = lease
            let holdfast = try Holdfast(
                redis: proxy.url, namespace: "t", configuration: configuration, logger: .quiet)
            // An error reply has no number: the server must know the scripts.
            for script in [Scripts.beat, Scripts.acquire, Scripts.release, Scripts.renew, Scripts.settle] {
                try await other.redis("SCRIPT", "LOAD", .string(script.source))
            }
            // With the first use goes the first beat, whose reply the fault is not for.
            try await holdfast.tryAcquire("before").lease?.release()
            try await body(holdfast, other, proxy)
            #expect(await holdfast.health.misplacedReplies == 1)
            #expect(await eventually { proxy.accepted == 2 }, "the connection was closed")
            try await holdfast.tryAcquire("after").lease?.release()
            await holdfast.close()
        }
    }

    private func breakNext(_ fault: FaultAction, of command: String = "EVALSHA", _ proxy: FaultProxy) {
        proxy.setRules([FaultRule(.reply, of: command, .call(1), [.delay(.milliseconds(100)), fault])])
    }

    /// Both at once, the second one when the first has left.
    private func both<R: Sendable>(
        by holdfast: Holdfast, _ first: @escaping @Sendable () async throws -> R,
        _ second: @escaping @Sendable () async throws -> R
    ) async -> [Result<R, any Error>] {
        let task = Task { try await first() }
        #expect(await eventually { await holdfast.core.link.health.replyOwedSince != nil })
        let other = Task { try await second() }
        return [await task.result, await other.result]
    }

    /// What was answered wrongly is unknown; what was answered before the fault, or asked after it, stands.
    private func expectUnknown<R>(_ results: [Result<R, any Error>], _ fault: FaultAction) {
        var unknown = 0
        for (index, result) in results.enumerated() {
            guard case .failure(let failure) = result else { continue }
            let error = failure as? HoldfastError
            // Unavailable: it was to leave when the connection ended. Lost: the second one, asked after it.
            let possible: [HoldfastError.Code?] =
                [.unknownOutcome, .unavailable] + (index == 0 ? [] : [.lost])
            #expect(possible.contains(error?.code))
            if error?.mayHaveHappened == true { unknown += 1 }
        }
        // A reply can only pass in front of another one if both were asked for.
        if fault == .swap { #expect(unknown >= 1) }
    }

    @Test("never grant a lock that another holds", arguments: faults)
    func acquire(fault: FaultAction) async throws {
        try await through { holdfast, other, proxy in
            let held = try #require(try await other.tryAcquire("held").lease)
            breakNext(fault, proxy)
            let results = await both(
                by: holdfast,
                { try await holdfast.tryAcquire("free") }, { try await holdfast.tryAcquire("held") })
            expectUnknown(results, fault)
            if case .success(let answer) = results[1] { #expect(answer.lease == nil) }
            try await held.release()
        }
    }

    @Test("never grant a lock of a bare SET by the reply of a script")
    func acquirePlain() async throws {
        try await through { holdfast, other, proxy in
            let held = try #require(try await other.tryAcquire("held").lease)
            let mine = try #require(try await holdfast.tryAcquire("mine").lease)
            breakNext(.swap, of: "SET", proxy)
            let results = await both(
                by: holdfast,
                { try await holdfast.tryAcquire("held", fenced: false).lease == nil },
                {
                    try await mine.release()
                    return true
                })
            expectUnknown(results, .swap)
            try await held.release()
        }
    }

    @Test("never tell a holder whose lock was taken that it released it", arguments: faults)
    func release(fault: FaultAction) async throws {
        try await through { holdfast, other, proxy in
            let mine = try #require(try await holdfast.tryAcquire("mine").lease)
            let taken = try #require(try await holdfast.tryAcquire("taken").lease)
            try await other.redis("SET", "t:{taken}:lock", "somebody")
            breakNext(fault, proxy)
            expectUnknown(
                await both(by: holdfast, { try await mine.release() }, { try await taken.release() }), fault)
        }
    }

    @Test("never renew a lock that was taken, nor lose one that was not", arguments: faults)
    func renew(fault: FaultAction) async throws {
        try await through(lease: .seconds(4.5)) { holdfast, other, proxy in
            let mine = try #require(try await holdfast.tryAcquire("mine").lease)
            let taken = try #require(try await holdfast.tryAcquire("taken").lease)
            try await other.redis("SET", "t:{taken}:lock", "somebody")
            breakNext(fault, proxy)
            let first = mine.grant.lease.deadline
            #expect(await eventually { taken.grant.lease.phase != .held })
            #expect(taken.grant.lease.phase == .lost(.taken))
            #expect(await eventually { mine.grant.lease.deadline > first })
            try await mine.release()
        }
    }

    @Test("never call a commit done that was not", arguments: faults)
    func settle(fault: FaultAction) async throws {
        try await through { holdfast, other, proxy in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b")
            let claims = try await bench.claim().claims
            _ = try await QueueBench(other).settle([(claims[1], .giveBack)])
            breakNext(fault, proxy)
            let results = await both(
                by: holdfast,
                { try await bench.settle([(claims[0], .commit)]) },
                { try await bench.settle([(claims[1], .commit)]) })
            let errors = results.compactMap { result -> RedisError? in
                guard case .failure(let error) = result else { return nil }
                return error as? RedisError
            }
            #expect(fault == .duplicate || errors.contains { $0.delivery == .unknown })
            #expect(errors.allSatisfy { [.protocolViolation, .connectionLost].contains($0.code) })
            if case .success(let answers) = results[1] { #expect(answers == ["lost"]) }
        }
    }

    @Test("leave each message's effect done once, however often replies are doubled")
    func consume() async throws {
        try await withHoldfast { observer, server in
            let proxy = try FaultProxy(
                to: server.unixURL, seed: 1,
                rules: [FaultRule(.reply, of: "EVALSHA", .chance(0.1), [.duplicate])])
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let orders = observer.queue("orders", of: Order.self)
            try await orders.send(
                contentsOf: (1...500).map { (id: "\($0)", message: Order(number: $0, cents: 1)) })
            holdfast.handle(
                holdfast.queue("orders", of: Order.self), options: .quick(lease: .milliseconds(500))
            ) {
                order, _ in
                .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
            }
            try await holdfast.whileRunning {
                let isDrained = try await eventually(within: .seconds(60)) {
                    try await orders.status().isDrained
                }
                #expect(isDrained)
            }
            #expect(!proxy.log.isEmpty, "the faults were felt")
            let counts = try await observer.redis("HVALS", .string(orders.effectKey("per-order"))).array ?? []
            #expect(counts.count == 500 && counts.allSatisfy { $0.integer == 1 })
        }
    }
}

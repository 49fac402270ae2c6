import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

/// Where other systems repeat an effect or lose a message: each of these failures is made at its worst moment.
///
/// A: a crash between the effect and its acknowledgement. B: a pause longer than the lease. C: Redis loses the end of
/// its history. D: a producer repeats what it has no answer for. E: the ledger forgets before the last repetition.
@Suite("A message's effect")
struct FailureMatrixTests {
    /// Two instances, of which the first one's connections can be broken, and somebody who looks on.
    private struct Pair: Sendable {
        var broken: Holdfast
        var proxy: FaultProxy
        var healthy: Holdfast
        var observer: Holdfast
        let attempts = Record<Int>()

        /// Runs the first instance. When this returns, the only calls that it makes by itself are claims, and none
        /// while its one handler runs.
        func run() async throws -> Task<Void, any Error> {
            let known = try await observer.instances().count
            let run = Task { try await broken.run() }
            let isThere = try await eventually { try await observer.instances().count > known }
            #expect(isThere)
            return run
        }

        /// As if the process of the first instance were gone: nothing that it sends or is sent arrives any more.
        func die() {
            proxy.refuseConnections(true)
            proxy.perform([.blackHole(.request)], .request)
            proxy.perform([.blackHole(.reply)], .reply)
        }

        func effects() async throws -> [Int64] {
            let key = try observer.queue("orders", of: Order.self).effectKey("per-order")
            return try await observer.redis("HVALS", .string(key)).array?.compactMap(\.integer) ?? []
        }
    }

    private static func withPair(
        lease: Duration = .milliseconds(500), _ body: @Sendable (Pair) async throws -> Void
    ) async throws {
        try await withHoldfast { observer, server in
            let proxy = try FaultProxy(to: server.unixURL)
            // The handlers have the pair, and the pair has them.
            defer { proxy.stop() }
            var configuration = Holdfast.Configuration()
            configuration.lease = lease
            configuration.stopDeadline = .milliseconds(1)
            let broken = try Holdfast(
                redis: proxy.url, namespace: "t", configuration: configuration, logger: .quiet)
            // The scripts are known to the server: a call is one command from now on.
            let bench = try QueueBench(observer, "orders")
            _ = try await bench.enqueue("first")
            let claims = try await bench.claim().claims
            _ = try await bench.settle(claims.map { ($0, .commit) })
            let healthy = try client(of: server)
            do {
                try await body(Pair(broken: broken, proxy: proxy, healthy: healthy, observer: observer))
            } catch {
                await broken.close()
                await healthy.close()
                throw error
            }
            await broken.close()
            await healthy.close()
        }
    }

    private static func count(_ order: Order) -> Decision {
        .commit { $0.increment(field: "\(order.number)", inHash: "per-order") }
    }

    /// Handles the queue in the healthy instance until it is drained.
    private static func takeOver(_ pair: Pair) async throws {
        let orders = pair.observer.queue("orders", of: Order.self)
        pair.healthy.handle(pair.healthy.queue("orders", of: Order.self), options: .quick()) {
            order, delivery in
            pair.attempts.add(delivery.attempt)
            return count(order)
        }
        try await pair.healthy.whileRunning {
            let isDrained = try await orders.isDrained()
            #expect(isDrained)
        }
    }

    // MARK: A

    @Test("A: is there once when its process dies right after the commit, of which it never hears")
    func crashAfterCommit() async throws {
        try await Self.withPair { pair in
            let orders = pair.observer.queue("orders", of: Order.self)
            pair.broken.handle(pair.broken.queue("orders", of: Order.self), options: .quick(concurrency: 1)) {
                order, delivery in
                pair.attempts.add(delivery.attempt)
                pair.proxy.setRules([FaultRule(.reply, of: "EVALSHA", .always, [.drop, .reset])])
                pair.proxy.refuseConnections(true)
                return Self.count(order)
            }
            let run = try await pair.run()
            try await orders.send(Order(number: 1, cents: 1), id: "a")
            #expect(try await eventually { try await pair.effects() == [1] })
            #expect(await eventually { pair.proxy.log.contains { $0.action == .drop } }, "the fault was felt")
            run.cancel()
            try await Self.takeOver(pair)
            #expect(try await pair.effects() == [1])
            #expect(pair.attempts.all == [1], "what is committed is not handled again")
            #expect(try await orders.send(Order(number: 1, cents: 1), id: "a") == .duplicate)
        }
    }

    @Test("A: is there once when its process dies before its commit reaches Redis")
    func crashBeforeCommit() async throws {
        try await Self.withPair { pair in
            let orders = pair.observer.queue("orders", of: Order.self)
            pair.broken.handle(pair.broken.queue("orders", of: Order.self), options: .quick(concurrency: 1)) {
                order, delivery in
                pair.attempts.add(delivery.attempt)
                pair.die()
                return Self.count(order)
            }
            let run = try await pair.run()
            try await orders.send(Order(number: 1, cents: 1), id: "a")
            #expect(await eventually { pair.attempts.count == 1 })
            try await Self.takeOver(pair)
            run.cancel()
            #expect(try await pair.effects() == [1])
            #expect(pair.attempts.all == [1, 2], "the attempt of the dead process counts")
        }
    }

    // MARK: B

    @Test("B: is there once when a commit was on its way for longer than the lease")
    func lateCommit() async throws {
        try await Self.withPair { pair in
            let orders = pair.observer.queue("orders", of: Order.self)
            pair.broken.handle(pair.broken.queue("orders", of: Order.self), options: .quick(concurrency: 1)) {
                order, delivery in
                pair.attempts.add(delivery.attempt)
                pair.proxy.setRules([FaultRule(.request, of: "EVALSHA", .call(1), [.delay(.seconds(2))])])
                return Self.count(order)
            }
            let late = try await pair.run()
            try await orders.send(Order(number: 1, cents: 1), id: "a")
            #expect(await eventually { pair.attempts.count == 1 })
            try await Self.takeOver(pair)
            #expect(pair.attempts.all == [1, 2])
            // The stop waits for what is being settled: the answer to the late commit.
            pair.broken.consumers.stop()
            pair.broken.workers.stop()
            try await late.value
            #expect(pair.proxy.log.contains { $0.action == .delay(.seconds(2)) })
            #expect(try await pair.effects() == [1])
        }
    }

    @Test(
        "B: is refused by a resource that compares fences when its handler was paused for longer than the lease"
    )
    func lateWrite() async throws {
        try await Self.withPair { pair in
            let orders = pair.observer.queue("orders", of: Order.self)
            let fences = Record<FencingToken>()
            let taken = Gate()
            let outcomes = Record<String>()
            pair.broken.handle(pair.broken.queue("orders", of: Order.self), options: .quick(concurrency: 1)) {
                order, delivery in
                fences.add(delivery.fencingToken)
                pair.die()
                // A step that no cancellation ends.
                await Task { try? await taken.pass() }.value
                outcomes.add("\(delivery.isHeld) \(Task.isCancelled)")
                return Self.count(order)
            }
            pair.healthy.handle(pair.healthy.queue("orders", of: Order.self), options: .quick()) {
                order, delivery in
                let write = try await pair.healthy.fencedWrite("shelf", [2], fence: delivery.fencingToken)
                #expect(write == .accepted)
                fences.add(delivery.fencingToken)
                return Self.count(order)
            }
            let run = try await pair.run()
            try await orders.send(Order(number: 1, cents: 1), id: "a")
            #expect(await eventually { fences.count == 1 })
            try await pair.healthy.whileRunning {
                let isDrained = try await orders.isDrained()
                #expect(isDrained)
            }
            taken.open()
            #expect(await eventually { outcomes.count == 1 })
            #expect(outcomes.all == ["false true"], "it was told")
            let (late, now) = (fences.all[0], fences.all[1])
            #expect(
                try await pair.observer.fencedWrite("shelf", [1], fence: late) == .refused(highest: now))
            run.cancel()
            #expect(try await pair.effects() == [1])
        }
    }

    // MARK: D

    @Test(
        "D: is there once when its producer sends again what it has no answer for", arguments: [true, false])
    func repeatedSend(executed: Bool) async throws {
        try await Self.withPair { pair in
            let orders = pair.broken.queue("orders", of: Order.self)
            try await pair.broken.connect()
            pair.proxy.setRules([
                FaultRule(executed ? .reply : .request, of: "EVALSHA", .call(1), [.drop, .reset])
            ])
            let error = await #expect(throws: HoldfastError.self) {
                try await orders.send(Order(number: 1, cents: 1), id: "a")
            }
            #expect(error?.mayHaveHappened == true)
            let again = try await orders.send(Order(number: 1, cents: 1), id: "a")
            #expect((again == .duplicate) == executed)
            try await Self.takeOver(pair)
            #expect(try await orders.send(Order(number: 1, cents: 1), id: "a") == .duplicate)
            #expect(try await pair.effects() == [1])
        }
    }
}

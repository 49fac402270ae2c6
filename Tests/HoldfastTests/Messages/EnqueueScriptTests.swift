import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("The enqueue script")
struct EnqueueScriptTests {
    @Test(
        "adds each id once: within a call, between calls, while it is claimed, after its commit and when it is dead",
        arguments: Backend.all)
    func duplicates(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let sent = try await bench.enqueue("a", "b", "a")
            guard case .enqueued = sent[0], case .enqueued = sent[1] else {
                Issue.record("not enqueued: \(sent)")
                return
            }
            #expect(sent[2] == .duplicate)
            #expect(try await bench.enqueue("b") == [.duplicate])
            let claims = try await bench.claim().claims
            #expect(try await bench.enqueue("a", "b") == [.duplicate, .duplicate])
            #expect(
                try await bench.settle([(claims[0], .commit), (claims[1], .bury(reason: "bad"))])
                    == ["committed", "buried"])
            #expect(try await bench.enqueue("a", "b") == [.duplicate, .duplicate])
            #expect(try await holdfast.redis("XLEN", .string(bench.keys.stream)) == .integer(0))
        }
    }

    @Test("adds an id again once its commit is forgotten", arguments: Backend.all)
    func retention(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b")
            let claims = try await bench.claim().claims
            #expect(
                try await bench.settle([(claims[0], .commit)], retention: .milliseconds(1)) == ["committed"])
            // Each settling call forgets what is old enough.
            #expect(
                try await eventually {
                    _ = try await bench.settle([(claims[0], .commit)])
                    return try await holdfast.redis("ZSCORE", .string(bench.keys.ledger), "a").isNull
                })
            #expect(try await bench.enqueue("a", "b")[1] == .duplicate)
            #expect(try await bench.claim().claims.map(\.id) == ["a"])
        }
    }

    @Test("keeps bodies byte by byte", arguments: Backend.all)
    func binary(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let body: [UInt8] = [0, 255, 13, 10, 37, 115]
            _ = try await holdfast.store(ofQueue: "q").enqueue([(id: "a", body: body)], type: "bytes")
            #expect(try await QueueBench(holdfast).claim().claims.map(\.body) == [body])
        }
    }

    @Test("wakes who listens", arguments: Backend.all)
    func wakes(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let heard = Record<[UInt8]>()
            let subscription = try holdfast.core.link.subscribe(bench.keys.wake) { heard.add($0) }
            #expect(await eventually { heard.count == 1 }, "subscribed")
            _ = try await bench.enqueue("a")
            #expect(await eventually { heard.count == 2 })
            subscription.cancel()
        }
    }
}

import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// What a queue leaves behind does not grow with the messages that went through it.
@Suite("What a queue leaves behind")
struct RemainderTests {
    private static let messages = 200_000
    private static let letters = 50

    private static func options() -> ConsumerOptions {
        var options = ConsumerOptions.quick(attempts: 2, concurrency: 400)
        options.retention = .seconds(1)
        options.deadLetters = letters
        return options
    }

    private static func usedMemory(_ holdfast: Holdfast) async throws -> Int {
        let info = try await holdfast.redis("INFO", "memory").string ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
        return line.flatMap { Int($0.dropFirst("used_memory:".count)) } ?? .max
    }

    /// In one thousand one is given up, one is tried again, one is late, one is unique and ten have an order.
    private static func send(to store: QueueStore) async throws {
        for start in stride(from: 0, to: messages, by: 500) {
            let numbers = start..<(start + 500)
            let batch = numbers.map { (id: "\($0)", body: Array("\($0)".utf8)) }
            guard start % 1000 == 0 else {
                _ = try await store.enqueue(batch, type: "Int")
                continue
            }
            let options = numbers.map { number in
                switch number % 1000 {
                case 3: SendOptions(.after(.milliseconds(1)))
                case 4: SendOptions(unique: .init("\(number)", for: .milliseconds(100)))
                case 10..<20: SendOptions(key: "\(number % 10)")
                default: SendOptions()
                }
            }
            _ = try await store.enqueue(batch, type: "Int", options)
        }
    }

    /// Sends all, waits until they are settled, and until only the dead are remembered.
    private static func passThrough(_ bench: QueueBench, _ store: QueueStore) async throws {
        try await send(to: store)
        let isDrained = try await eventually(within: .seconds(120)) { try await store.status().isDrained }
        #expect(isDrained)
        let ledger = RedisArgument.string(bench.keys.ledger)
        let isForgotten = try await eventually(within: .seconds(60)) {
            try await bench.holdfast.redis("ZCARD", ledger) == .integer(Int64(letters))
        }
        #expect(isForgotten)
    }

    @Test("is bounded after 200,000 messages by three consumers: a few small keys, and what is dead")
    func afterMany() async throws {
        try await withHoldfast { holdfast, server in
            let store = try holdfast.store(ofQueue: "q")
            let bench = try QueueBench(holdfast)
            let others = [try client(of: server), try client(of: server), try client(of: server)]
            for instance in others {
                instance.handle(instance.queue("q", of: Int.self), options: Self.options()) {
                    number, delivery in
                    switch number % 1000 {
                    case 1: return .deadLetter("test")
                    case 2 where delivery.attempt == 1: return .retry()
                    default: return .commit { $0.increment("handled") }
                    }
                }
            }
            _ = try await bench.enqueue("first")
            let before = try await Self.usedMemory(holdfast)
            try await others[0].whileRunning {
                try await others[1].whileRunning {
                    try await others[2].whileRunning { try await Self.passThrough(bench, store) }
                }
            }
            let dead = Self.messages / 1000
            #expect(
                try await holdfast.redis("GET", bench.effect("handled")).integer
                    == Int64(Self.messages - dead))
            let left = try await holdfast.redis("KEYS", "t:*").array?.compactMap(\.string) ?? []
            let expected =
                [bench.keys.stream, bench.keys.dead, bench.keys.ledger, bench.keys.fence, bench.keys.unique]
                + [
                    bench.keys.effect("handled"), "t:queues", "t:format", "t:{instances}",
                    "t:{instances}:beats",
                ]
            #expect(Set(left).isSubset(of: expected), "\(left)")
            #expect(try await holdfast.redis("XLEN", .string(bench.keys.stream)) == .integer(0))
            #expect(
                try await holdfast.redis("XLEN", .string(bench.keys.dead)) == .integer(Int64(Self.letters)))
            #expect(try await holdfast.redis("PTTL", .string(bench.keys.unique)).integer != -1)
            let consumers = try await holdfast.redis(
                "XINFO", "CONSUMERS", .string(bench.keys.stream), .string(QueueKeys.group)
            ).array
            #expect(try #require(consumers).count == 1, "no instance leaves one of its own")
            let pending = try await holdfast.redis(
                "XPENDING", .string(bench.keys.stream), .string(QueueKeys.group))
            #expect(pending.array?.first == .integer(0))
            // What connections needed is given back after a while.
            let isBounded = try await eventually { try await Self.usedMemory(holdfast) - before < 2 << 20 }
            #expect(isBounded)
        }
    }

    @Test("uniqueness keys go with the last of their windows, also when nothing is sent any more")
    func windows() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: Int.self)
            for (number, window) in [(1, 60_000), (2, 30_000)] {
                let unique = SendOptions.Uniqueness("\(number)", for: .milliseconds(window))
                try await queue.send(number, id: "\(number)", options: SendOptions(unique: unique))
            }
            let rest = try #require(try await holdfast.redis("PTTL", .string(bench.keys.unique)).integer)
            #expect(rest > 30_000 && rest <= 60_000, "the longer one decides")
            let unique = SendOptions.Uniqueness("3", for: .milliseconds(90_000))
            try await queue.send(3, id: "3", options: SendOptions(unique: unique))
            #expect(try await holdfast.redis("PTTL", .string(bench.keys.unique)).integer ?? 0 > 60_000)
        }
    }

    @Test("ids that need not be remembered any more are forgotten by a consumer that has nothing to do")
    func forgetting() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let ledger = RedisArgument.string(bench.keys.ledger)
            for start in stride(from: 0, to: 5000, by: 500) {
                let ids = (start..<(start + 500)).flatMap { [RedisArgument("1"), RedisArgument("\($0)")] }
                _ = try await holdfast.core.link.send(RedisCommand(["ZADD", ledger] + ids))
            }
            let first = try await bench.claim()
            #expect(try await holdfast.redis("ZCARD", ledger) == .integer(4000))
            #expect(try #require(first.nextDue) <= .milliseconds(20), "there is more")
            for _ in 0..<4 { _ = try await bench.claim() }
            #expect(try await holdfast.redis("ZCARD", ledger) == .integer(0))
            #expect(try await bench.claim().nextDue == nil)
        }
    }
}

import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("Messages with an ordering key")
struct OrderingTests {
    private func send(_ holdfast: Holdfast, _ ids: String...) async throws {
        let queue = holdfast.queue("q", of: String.self)
        // The key is the first letter.
        try await queue.send(contentsOf: ids.map { ($0, $0) }) { SendOptions(key: String($0.prefix(1))) }
    }

    @Test(
        "are handed out one at a time, in their order; those of other keys do not wait",
        arguments: Backend.all)
    func order(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await send(holdfast, "a1", "a2", "b1", "a3", "b2")
            _ = try await bench.enqueue("free")
            let claims = try await bench.claim().claims
            #expect(claims.map(\.id) == ["a1", "b1", "free"])
            #expect(try await bench.claim().claims.isEmpty)
            let stats = try await bench.status()
            #expect(stats.blocked == 3 && stats.ready == 0 && stats.inFlight == 3)
            _ = try await bench.settle([(claims[0], .commit)])
            let next = try await bench.claim().claims
            #expect(next.map(\.id) == ["a2"])
            try await send(holdfast, "a4")
            #expect(try await bench.claim().claims.isEmpty)
            _ = try await bench.settle([(next[0], .commit), (claims[1], .commit), (claims[2], .commit)])
            let third = try await bench.claim().claims
            #expect(Set(third.map(\.id)) == ["a3", "b2"])
            _ = try await bench.settle(third.map { ($0, .commit) })
            let last = try await bench.claim().claims
            #expect(last.map(\.id) == ["a4"])
            _ = try await bench.settle(last.map { ($0, .commit) })
            #expect(
                try await holdfast.redis("EXISTS", .string(bench.keys.order), .string(bench.keys.blocked))
                    == .integer(0))
            #expect(try await bench.status().isDrained)
        }
    }

    @Test(
        "keep those behind them waiting while they wait for another attempt, also after a crash",
        arguments: Backend.all)
    func retries(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await send(holdfast, "a1", "a2")
            let first = try await bench.claim().claims
            _ = try await bench.settle([(first[0], .retry(after: .seconds(60)))])
            #expect(try await bench.claim().claims.isEmpty)
            try await bench.makeDue()
            let second = try await bench.claim().claims
            #expect(second.map(\.id) == ["a1"] && second.map(\.attempt) == [2])
            _ = try await bench.settle([(second[0], .giveBack)])
            let third = try await bench.claim(lease: .milliseconds(1)).claims
            #expect(third.map(\.id) == ["a1"])
            let heirs = try await bench.takeOver()
            #expect(heirs.map(\.id) == ["a1"] && heirs.map(\.attempt) == [3])
            #expect(try await bench.settle([(third[0], .commit)]) == ["lost"])
            #expect(
                try await bench.claim().claims.isEmpty, "what a late commit says does not pass the turn on")
            _ = try await bench.settle([(heirs[0], .commit)])
            #expect(try await bench.claim().claims.map(\.id) == ["a2"])
        }
    }

    @Test(
        "pass the turn on when they are given up, dropped as known, or removed from their stream",
        arguments: Backend.all)
    func ends(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await send(holdfast, "a1", "a2", "a3", "a4")
            _ = try await bench.add("id", "a5", "key", "a", "body", "1")
            _ = try await bench.settle([(bench.claim().claims[0], .bury(reason: "bad"))])
            // Its attempts are used up.
            #expect(try await bench.claim(lease: .milliseconds(1)).claims.map(\.id) == ["a2"])
            #expect(
                try await eventually {
                    _ = try await bench.claim(attempts: 1)
                    return try await bench.status().dead == 2
                })
            let third = try await bench.takeOver()
            #expect(third.map(\.id) == ["a3"])
            // The next one is removed while it stands in line.
            let fourth = try #require(try await holdfast.queue("q", of: String.self).message("a4")?.entry)
            try await holdfast.redis("XDEL", .string(bench.keys.stream), .string(fourth))
            // And the last one's id was committed meanwhile.
            try await holdfast.redis("ZADD", .string(bench.keys.ledger), "9999999999999", "a5")
            _ = try await bench.settle([(third[0], .commit)])
            #expect(
                try await eventually {
                    _ = try await bench.claim()
                    return try await holdfast.redis(
                        "EXISTS", .string(bench.keys.order), .string(bench.keys.blocked))
                        == .integer(0)
                })
            #expect(try await bench.status().isDrained)
        }
    }

    @Test("join the line when their time has come, if they were scheduled", arguments: Backend.all)
    func scheduled(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: String.self)
            try await queue.send("a1", id: "a1", options: SendOptions(.after(.seconds(2)), key: "a"))
            try await send(holdfast, "a2", "a3")
            let second = try await bench.claim().claims
            #expect(second.map(\.id) == ["a2"])
            #expect(
                try await eventually {
                    _ = try await bench.claim()
                    return try await bench.status().blocked == 2
                })
            _ = try await bench.settle([(second[0], .commit)])
            #expect(try await bench.claim().claims.map(\.id) == ["a1"], "its entry is the oldest")
        }
    }

    @Test("are told apart byte by byte", arguments: [("a", "a\0"), ("a", "ab"), ("1:a", "a"), ("k", "é")])
    func strangeKeys(first: String, second: String) async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: String.self)
            for (id, key) in [("1", first), ("2", second), ("3", first), ("4", second)] {
                try await queue.send(id, id: id, options: SendOptions(key: key))
            }
            let claims = try await bench.claim().claims
            #expect(claims.map(\.id) == ["1", "2"])
            _ = try await bench.settle([(claims[1], .commit)])
            #expect(try await bench.claim().claims.map(\.id) == ["4"])
            _ = try await bench.settle([(claims[0], .commit)])
            #expect(try await bench.claim().claims.map(\.id) == ["3"])
        }
    }

    @Test(
        "are handled in order and never two at once by several instances, some of whose attempts fail",
        arguments: Backend.all)
    func handled(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let log = Record<(key: Int, number: Int, begins: Bool)>()
            let orders = first.queue("orders", of: Order.self)
            for holdfast in [first, second] {
                holdfast.handle(holdfast.queue("orders", of: Order.self), options: .quick(attempts: 50)) {
                    order, delivery in
                    log.add((order.cents, order.number, true))
                    defer { log.add((order.cents, order.number, false)) }
                    await Task.yield()
                    if order.number % 7 == delivery.attempt { return .retry(after: .zero) }
                    return .commit { $0.append("\(order.number)", toList: "k\(order.cents)") }
                }
            }
            try await second.whileRunning {
                try await first.whileRunning {
                    try await orders.send(
                        contentsOf: (0..<300).map { ("\($0)", Order(number: $0, cents: $0 % 5)) }
                    ) { SendOptions(key: "customer-\($0.cents)") }
                    #expect(
                        try await eventually(within: .seconds(60)) { try await orders.status().isDrained })
                }
            }
            let observer = try client(of: server)
            for key in 0..<5 {
                let handled = try await observer.redis(
                    "LRANGE", .string(orders.effectKey("k\(key)")), "0", "-1")
                #expect(
                    handled.array?.compactMap(\.string)
                        == stride(from: key, to: 300, by: 5).map { "\($0)" })
                let events = log.all.filter { $0.key == key }
                for (begin, end) in zip(events, events.dropFirst()) where begin.begins {
                    #expect(!end.begins && begin.number == end.number)
                }
            }
            await observer.close()
        }
    }
}

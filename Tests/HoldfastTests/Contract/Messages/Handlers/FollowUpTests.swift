import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

@Suite("A message that a commit sends")
struct FollowUpTests {
    private func followUp(
        _ holdfast: Holdfast, _ queue: String, id: String? = nil, _ options: SendOptions? = nil
    )
        throws -> Settlement.Verdict
    {
        var effects = Effects()
        effects.increment("n")
        try effects.send("next", to: holdfast.queue(queue, of: String.self), id: id, options: options)
        return .commit(effects)
    }

    @Test(
        "is there once, under an id made of its parent's, however often the commit is repeated",
        arguments: Backend.all)
    func once(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            let packing = try QueueBench(holdfast, "orders/packing")
            _ = try await bench.enqueue("a")
            let claim = try await bench.claim().claims[0]
            let verdict = try followUp(holdfast, "orders/packing")
            #expect(
                try await bench.settle([(claim, verdict), (claim, verdict)]) == ["committed", "already"])
            #expect(try await bench.settle([(claim, verdict)]) == ["already"])
            let next = try await packing.claim().claims
            #expect(next.map(\.id) == ["a/1"] && next[0].body.text == "\"next\"" && next[0].type == "String")
            #expect(try await packing.settle([(next[0], .commit)]) == ["committed"])
            #expect(try await packing.enqueue("a/1") == [.duplicate])
        }
    }

    @Test("waits for its time, however far that is", arguments: Backend.all)
    func delayed(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            let packing = try QueueBench(holdfast, "orders/packing")
            _ = try await bench.enqueue("a")
            let claim = try await bench.claim().claims[0]
            let verdict = try followUp(
                holdfast, "orders/packing", SendOptions(.after(.seconds(Int64.max))))
            #expect(try await bench.settle([(claim, verdict)]) == ["committed"])
            #expect(try await packing.claim().claims.isEmpty)
            #expect(try await packing.status().delayed == 1)
        }
    }

    @Test(
        "is not sent by a commit that is refused or late, nor again under an id that its queue knows",
        arguments: Backend.all)
    func notSent(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            let packing = try QueueBench(holdfast, "orders/packing")
            _ = try await bench.enqueue("a", "b")
            let zombies = try await bench.claim(lease: .milliseconds(1)).claims
            var heirs: [MessageClaim] = []
            while heirs.count < 2 { heirs += try await bench.takeOver() }
            #expect(try await bench.settle([(zombies[0], followUp(holdfast, "orders/packing"))]) == ["lost"])
            try await holdfast.redis("SADD", bench.effect("n"), "x")
            let refused = try await bench.settle([(heirs[0], followUp(holdfast, "orders/packing"))])
            #expect(refused[0].hasPrefix("refused: "))
            #expect(try await packing.status().ready == 0)
            try await holdfast.redis("DEL", bench.effect("n"))
            _ = try await packing.enqueue("known")
            let verdict = try followUp(holdfast, "orders/packing", id: "known")
            #expect(try await bench.settle(heirs.map { ($0, verdict) }) == ["committed", "committed"])
            #expect(try await packing.claim().claims.map(\.id) == ["known"])
            #expect(try await holdfast.redis("GET", bench.effect("n")).integer == 2)
        }
    }

    @Test("refuses the commit while its queue's keys are something else", arguments: Backend.all)
    func wrongType(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            let packing = try QueueBench(holdfast, "orders/packing")
            _ = try await bench.enqueue("a")
            let claim = try await bench.claim().claims[0]
            for key in [packing.keys.stream, packing.keys.ledger] {
                try await holdfast.redis("SET", .string(key), "x")
                let answer = try await bench.settle([(claim, followUp(holdfast, "orders/packing"))])
                #expect(answer[0].hasPrefix("refused: WRONGTYPE"))
                try await holdfast.redis("DEL", .string(key))
            }
            #expect(try await holdfast.redis("EXISTS", bench.effect("n")) == .integer(0))
            #expect(try await bench.settle([(claim, followUp(holdfast, "orders/packing"))]) == ["committed"])
        }
    }

    @Test("has a priority, a time and an ordering key like any other", arguments: Backend.all)
    func options(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            _ = try await bench.enqueue("a")
            var effects = Effects()
            let orders = holdfast.queue("orders", of: String.self)
            try effects.send("later", to: orders, id: "later", options: SendOptions(.after(.seconds(60))))
            for (id, priority) in [("low", .low), ("high", .high)] as [(String, SendOptions.Priority)] {
                try effects.send(id, to: orders, id: id, options: SendOptions(priority: priority, key: "k"))
            }
            _ = try await bench.settle([(bench.claim().claims[0], .commit(effects))])
            #expect(try await bench.claim().claims.map(\.id) == ["high"])
            let stats = try await bench.status()
            #expect(stats.delayed == 1 && stats.blocked == 1)
            let origin = SendOptions(unique: .init("k", for: .seconds(1)))
            #expect(throws: HoldfastError.self) {
                try effects.send("x", to: orders, id: "x", options: origin)
            }
        }
    }

    @Test("fails the attempt where its queue lies elsewhere", arguments: Backend.all)
    func elsewhere(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let orders = holdfast.queue("orders", of: Order.self)
            let other = holdfast.queue("other", of: Order.self)
            holdfast.handle(orders, options: .quick(attempts: 1)) { order, _ in
                try .commit { effects in
                    effects.increment("n")
                    try effects.send(order, to: other)
                }
            }
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 1), id: "a")
                #expect(try await eventually { try await orders.status().dead == 1 })
                let letters = try await orders.deadLetters()
                #expect(letters.first?.reason.contains("does not lie with") == true)
            }
        }
    }

    @Test("makes a chain whose every link has its effect once, although requests and replies are lost")
    func chain() async throws {
        try await withHoldfast { observer, server in
            let proxy = try FaultProxy(
                to: server.unixURL, seed: 7,
                rules: [FaultRule(.reply, of: "EVALSHA", .chance(0.05), [.drop, .reset])])
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let names = ["orders", "orders/packing", "orders/shipping"]
            for (index, name) in names.enumerated() {
                let next = index + 1 < names.count ? holdfast.queue(names[index + 1], of: Order.self) : nil
                holdfast.handle(
                    holdfast.queue(name, of: Order.self), options: .quick(lease: .milliseconds(500))
                ) {
                    order, _ in
                    try .commit { effects in
                        effects.increment(field: "\(order.number)", inHash: "done")
                        if let next { try effects.send(order, to: next) }
                    }
                }
            }
            try await observer.queue("orders", of: Order.self).send(
                contentsOf: (0..<200).map { ("\($0)", Order(number: $0, cents: 0)) })
            try await holdfast.whileRunning {
                let last = RedisArgument.string(
                    try observer.queue("orders/shipping", of: Order.self).effectKey("done"))
                let isDone = try await eventually(within: .seconds(60)) {
                    try await observer.redis("HLEN", last).integer == 200
                }
                #expect(isDone)
            }
            #expect(!proxy.log.isEmpty, "the faults were felt")
            for name in names {
                let queue = observer.queue(name, of: Order.self)
                let counts = try await observer.redis("HVALS", .string(queue.effectKey("done"))).array ?? []
                #expect(counts.count == 200 && counts.allSatisfy { $0.integer == 1 })
                let stats = try await queue.status()
                #expect(stats.isDrained && stats.dead == 0)
            }
        }
    }
}

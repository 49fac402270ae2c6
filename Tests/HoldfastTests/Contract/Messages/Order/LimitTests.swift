import HoldfastTesting
import RedisLink
import Synchronization
import TestSupport
import Testing

@testable import Holdfast

@Suite("The limits of a queue")
struct LimitTests {
    @Test(
        "no more claims are handed out than the queue may have; expired ones make no room, and need none",
        arguments: Backend.all)
    func limit(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b", "c", "d", "e")
            let first = try await bench.claim(2, limit: 3).claims
            let second = try await bench.claim(limit: 3).claims
            #expect(first.count == 2 && second.count == 1)
            // Nothing says when there will be room: its end is told on the channel.
            let full = try await bench.claim(limit: 3)
            #expect(full.claims.isEmpty && full.nextDue != .zero)
            _ = try await bench.settle([(second[0], .retry(after: .zero))], limit: 3)
            #expect(try await bench.claim(limit: 3).claims.map(\.id) == ["c"])
            let waiting = try await bench.claim(limit: 3)
            #expect(waiting.claims.isEmpty)
            _ = try await bench.renew(first, lease: .milliseconds(1))
            let heirs = try await eventually { try await bench.claim(limit: 3).claims.count >= 1 }
            #expect(heirs)
            #expect(try await bench.status().inFlight == 3)
        }
    }

    @Test("expired claims are found behind any number of messages that have no room", arguments: Backend.all)
    func expiredBehindWaiting(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: Int.self)
            try await queue.send(contentsOf: (0..<300).map { ("\($0)", $0) })
            var claims: [MessageClaim] = []
            for _ in 0..<3 { claims += try await bench.claim(100).claims }
            _ = try await bench.settle(claims.dropFirst().map { ($0, .giveBack) })
            _ = try await bench.renew([claims[0]], lease: .milliseconds(1))
            let heirs = try await eventually {
                try await bench.claim(10, limit: 1).claims.map(\.id) == ["0"]
            }
            #expect(heirs)
        }
    }

    @Test(
        "handlers of all instances together are no more than it says, and get on at once when one ends",
        arguments: Backend.all)
    func handlers(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let running = Atomic<Int>(0)
            let most = Record<Int>()
            var options = ConsumerOptions.quick()
            options.totalConcurrency = 3
            for holdfast in [first, second] {
                holdfast.handle(holdfast.queue("orders", of: Order.self), options: options) { _, _ in
                    most.add(running.add(1, ordering: .sequentiallyConsistent).newValue)
                    try await Task.sleep(for: .milliseconds(1))
                    running.subtract(1, ordering: .sequentiallyConsistent)
                    return .commit
                }
            }
            let orders = first.queue("orders", of: Order.self)
            try await second.whileRunning {
                try await first.whileRunning {
                    // With a second between any two it would take a minute.
                    try await orders.send(
                        contentsOf: (0..<180).map { ("\($0)", Order(number: $0, cents: 0)) })
                    #expect(
                        try await eventually(within: .seconds(30)) { try await orders.status().isDrained })
                }
            }
            #expect(most.count == 180)
            #expect(most.all.allSatisfy { $0 <= 3 })
        }
    }

    @Test(
        "a paused queue hands nothing out, settles what is under way, and goes on when it is resumed",
        arguments: Backend.all)
    func pause(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: String.self)
            _ = try await bench.enqueue("a", "b")
            let claims = try await bench.claim(1).claims
            #expect(try await queue.pause())
            #expect(try await !queue.pause())
            let pausedFor = try #require(try await queue.status().pausedFor)
            #expect(pausedFor < .seconds(60))
            #expect(try await bench.claim().claims.isEmpty)
            #expect(try await bench.renew(claims, lease: .seconds(60)) == [1])
            #expect(try await bench.settle([(claims[0], .commit)]) == ["committed"])
            #expect(try await queue.resume())
            #expect(try await !queue.resume())
            #expect(try await queue.status().pausedFor == nil)
            #expect(try await bench.claim().claims.map(\.id) == ["b"])
        }
    }

    @Test("consumers take up a resumed queue", arguments: Backend.all)
    func resumed(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let orders = holdfast.queue("orders", of: Order.self)
            let handled = Record<Int>()
            holdfast.handle(orders) { order, _ in
                handled.add(order.number)
                return .commit
            }
            try await orders.pause()
            try await orders.send(Order(number: 1, cents: 1), id: "1")
            try await holdfast.whileRunning {
                #expect(try await eventually { try await orders.status().ready == 1 })
                try await orders.resume()
                #expect(await eventually { handled.all == [1] })
            }
        }
    }

    @Test(
        "after a mass crash each instance takes over a part each second; new messages come beside it",
        arguments: Backend.all)
    func takeOvers(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: Int.self)
            try await queue.send(contentsOf: (0..<50).map { ("\($0)", $0) })
            _ = try await bench.claim(50)
            try await bench.expireClaims()
            _ = try await bench.enqueue("new")
            let first = try await bench.claim(20, takeOvers: 5)
            #expect(first.takenOver == 5 && first.claims.count == 6 && first.claims.last?.id == "new")
            #expect(
                try #require(first.nextDue) > .zero,
                "what it must not take over yet is no reason to ask at once")
            let second = try await bench.claim(20, takeOvers: 0)
            #expect(second.takenOver == 0 && second.claims.isEmpty)
        }
    }

    @Test("the allowance for take-overs grows with time, up to that of a second")
    func allowance() {
        let start = ContinuousClock.now
        var unlimited = TakeOverAllowance(perSecond: .max)
        #expect(unlimited.available(at: start) == 1_000_000)
        var allowance = TakeOverAllowance(perSecond: 100)
        #expect(allowance.available(at: start) == 100)
        allowance.use(100)
        #expect(allowance.available(at: start) == 0)
        #expect(allowance.available(at: start + .milliseconds(255)) == 25)
        allowance.use(20)
        #expect(allowance.available(at: start + .milliseconds(255)) == 5)
        #expect(allowance.available(at: start + .seconds(3600)) == 100)
        allowance.use(-5)
        allowance.use(.max)
        #expect(allowance.available(at: start + .seconds(3600)) == 0)
    }
}

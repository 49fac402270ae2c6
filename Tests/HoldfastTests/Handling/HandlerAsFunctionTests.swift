import Foundation
import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

private struct Packing: Codable, Sendable, Equatable {
    var order: Int
    var shelf: String
}

@Suite("A handler as a function")
struct HandlerAsFunctionTests {
    private func handle(_ order: Order, _ delivery: Delivery) async throws -> Decision {
        try delivery.check()
        switch order.number {
        case 1: return .commit { $0.increment("revenue", by: order.cents) }
        case 2: return delivery.isLastAttempt ? .deadLetter("no stock") : .retry(after: .seconds(3))
        default: return .giveBack()
        }
    }

    @Test("is called with a delivery that a test makes, and what it decided is compared")
    func decisions() async throws {
        let committed = try await handle(Order(number: 1, cents: 250), .forTest())
        #expect(committed == .commit { $0.increment("revenue", by: 250) })
        #expect(committed != .commit { $0.increment("revenue", by: 251) })
        #expect(committed != .commit)
        let early = try await handle(Order(number: 2, cents: 0), .forTest(attempt: 4))
        #expect(early == .retry(after: .seconds(3)))
        let last = try await handle(Order(number: 2, cents: 0), .forTest(attempt: 5))
        #expect(last == .deadLetter("no stock"))
        #expect(try await handle(Order(number: 3, cents: 0), .forTest()) == .giveBack())
        let lost = Delivery.forTest()
        lost.lose()
        let error = await #expect(throws: HoldfastError.self) {
            try await handle(Order(number: 1, cents: 0), lost)
        }
        #expect(error?.code == .lost && !lost.isHeld && lost.remaining == .zero)
    }

    @Test("shows what it decided: the kind, the delay, the reason, the writes")
    func inspection() {
        let committed = Decision.commit { effects in
            effects.increment("n", by: -2)
            effects.set(field: "f", inHash: "h", to: "v")
        }
        #expect(committed.kind == .commit)
        #expect(committed.effects?.writes.map(\.description) == ["INCRBY n -2", "HSET h f v"])
        #expect(committed.delay == nil && committed.reason == nil)
        #expect(Decision.retry().kind == .retry && Decision.retry().delay == nil)
        #expect(Decision.retry(after: .seconds(2)).delay == .seconds(2))
        #expect(Decision.giveBack(after: .seconds(2)).kind == .giveBack)
        #expect(Decision.giveBack(after: .seconds(2)).delay == .seconds(2))
        #expect(Decision.deadLetter("x").kind == .deadLetter && Decision.deadLetter("x").reason == "x")
        #expect(Decision.deadLetter("x").effects == nil)
    }

    @Test("shows the messages that its commit sends; their JSON is compared as JSON")
    func messages() throws {
        let holdfast = try Holdfast.inMemory(logger: .quiet)
        let packing = holdfast.queue("orders/packing", of: Packing.self)
        func handled(_ shelf: String) throws -> Decision {
            try .commit { effects in
                try effects.send(
                    Packing(order: 7, shelf: shelf), to: packing,
                    options: SendOptions(.after(.seconds(1)), key: "k"))
            }
        }
        // Each encoder writes the keys of an object in an order of its own.
        for _ in 0..<20 { #expect(try handled("a") == handled("a")) }
        #expect(try handled("a") != handled("b"))
        let message = try #require(try handled("a").effects?.messages.first)
        #expect(message.queue == "orders/packing" && message.id == nil && message.type == "Packing")
        #expect(message.options == SendOptions(.after(.seconds(1)), key: "k"))
        #expect(try message.decoded(as: Packing.self) == Packing(order: 7, shelf: "a"))
    }

    @Test("has names compared by their bytes, as Redis compares them")
    func bytes() {
        let (one, other) = ("caf\u{E9}", "cafe\u{301}")
        #expect(Decision.commit { $0.increment(one) } != .commit { $0.increment(other) })
        #expect(Decision.commit { $0.set("k", to: one) } != .commit { $0.set("k", to: other) })
        #expect(SendOptions(key: one) != SendOptions(key: other))
        #expect(SendOptions.Uniqueness(one, for: .seconds(1)) != .init(other, for: .seconds(1)))
    }

    @Test("gets a delivery as a test wants it, whose claim goes by the test's clock")
    func delivery() async {
        let clock = ManualClock()
        let delivery = Delivery.forTest(
            queue: "orders", id: "o-1", type: "placed", attempt: 2, attempts: 2, priority: .low,
            enqueuedAt: Date(timeIntervalSince1970: 1_700_000_000.25), fencingToken: .init(rawValue: 9),
            lease: .seconds(30), clock: clock)
        #expect(delivery.queue == "orders" && delivery.id == "o-1" && delivery.type == "placed")
        #expect(delivery.attempt == 2 && delivery.isLastAttempt && delivery.priority == .low)
        #expect(delivery.enqueuedAt == Date(timeIntervalSince1970: 1_700_000_000.25))
        #expect(delivery.fencingToken == FencingToken(rawValue: 9))
        #expect(delivery.isHeld && delivery.remaining > .seconds(29))
        await clock.advance(by: .seconds(30))
        #expect(!delivery.isHeld)
        #expect(Delivery.forTest(priority: .high).priority == .high)
        #expect(!Delivery.forTest(lease: .zero).isHeld)
    }

    @Test("has its like in a worker's run and the body of once")
    func others() async throws {
        let nominal = Date(timeIntervalSince1970: 1_700_000_000)
        let tick = Tick.forTest(worker: "nightly", nominal: nominal, attempt: 2)
        #expect(tick.worker == "nightly" && tick.nominal == nominal && tick.attempt == 2)
        #expect(!tick.isTriggered && tick.deadline == nil && tick.remaining > .zero)
        try tick.check()
        tick.lose()
        #expect(throws: HoldfastError.self) { try tick.check() }
        let claim = OnceClaim.forTest(id: "e-1", scope: "stripe", fencingToken: .init(rawValue: 3))
        #expect(claim.id == "e-1" && claim.scope == "stripe" && claim.fencingToken.rawValue == 3)
        try claim.check()
        claim.lose()
        let error = #expect(throws: HoldfastError.self) { try claim.check() }
        #expect(error?.code == .lost)
    }
}

import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// An inbox that notes what it is asked, and whose effects are words.
private struct NotingInbox: Inbox {
    let outcome: InboxOutcome
    let notes = Record<Note>()

    struct Note: Hashable, Sendable {
        var entry: InboxEntry
        var effect: String
    }

    func commit(_ entry: InboxEntry, _ effect: String) async throws -> InboxOutcome {
        notes.add(Note(entry: entry, effect: effect))
        return outcome
    }
}

@Suite("What an inbox is asked")
struct InboxClaimTests {
    @Test("of a message: its queue and id, and a guard if one is named", arguments: Backend.all)
    func message(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let inbox = NotingInbox(outcome: .committed)
            let fences = Record<FencingToken>()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: .quick(concurrency: 1)) { order, delivery in
                fences.add(delivery.fencingToken)
                return try await delivery.commit(
                    in: inbox, guarding: order.number == 1 ? nil : "shelf", "book \(order.number)")
            }
            try await holdfast.whileRunning {
                for number in 1...2 {
                    try await orders.send(Order(number: number, cents: 1), id: "o-\(number)")
                }
                #expect(try await orders.isDrained())
            }
            #expect(
                inbox.notes.all == [
                    .init(entry: InboxEntry(scope: "queue:orders", id: "o-1"), effect: "book 1"),
                    .init(
                        entry: InboxEntry(
                            scope: "queue:orders", id: "o-2", fence: .init("shelf", fences.all[1])),
                        effect: "book 2"),
                ])
        }
    }

    @Test(
        "of a tick: its worker and id, guarded by the worker unless its runs may overlap",
        arguments: [true, false])
    func tick(isFenced: Bool) async throws {
        try await withHoldfast { holdfast, _ in
            let inbox = NotingInbox(outcome: .alreadyCommitted)
            let (ticks, committed) = (Record<(String, FencingToken)>(), Record<Bool>())
            holdfast.add(worker: "checker", .every(.seconds(86_400), runOnStart: true)) { tick in
                ticks.add((tick.id, tick.fencingToken))
                committed.add(try await tick.commit(in: inbox, fenced: isFenced, "check"))
            }
            try await holdfast.whileRunning {
                #expect(await eventually { committed.count == 1 })
            }
            let (id, fence) = ticks.all[0]
            let entry = InboxEntry(
                scope: "worker:checker", id: id, fence: isFenced ? .init("worker:checker", fence) : nil)
            #expect(inbox.notes.all == [.init(entry: entry, effect: "check")])
            #expect(committed.all == [false])
        }
    }

    @Test("of an id that is done once: its scope and id; a refusal is a loss", arguments: Backend.all)
    func onceClaim(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let inbox = NotingInbox(outcome: .refused)
            let fences = Record<FencingToken>()
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.once("e-1", in: "stripe") { claim in
                    fences.add(claim.fencingToken)
                    return try await claim.commit(in: inbox, guarding: "till", "book")
                }
            }
            #expect(error?.code == .lost)
            let entry = InboxEntry(
                scope: "once:stripe", id: "e-1", fence: .init("till", try #require(fences.all.first)))
            #expect(inbox.notes.all == [.init(entry: entry, effect: "book")])
        }
    }

    @Test("nothing, where the claim is known to be lost")
    func lostClaim() async throws {
        try await withHoldfast { holdfast, server in
            let inbox = NotingInbox(outcome: .committed)
            let lease = Duration.milliseconds(300)
            let error = await #expect(throws: HoldfastError.self) {
                try await holdfast.once("e-1", in: "stripe", lease: lease) { claim in
                    try await server.pause()
                    _ = await eventually { claim.remaining <= .zero }
                    try await server.resume()
                    return try await claim.commit(in: inbox, "book")
                }
            }
            #expect(error?.code == .lost)
            #expect(inbox.notes.all == [])
        }
    }
}

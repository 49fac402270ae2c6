import GRDB
import Holdfast
import RedisLink
import TestSupport
import Testing

/// Each failure is made at its worst moment: between the commit in the database and that in Redis, or between the
/// decision to write and the write.
@Suite("An effect in another database (E2)")
struct InboxFaultTests {
    private struct Broken: Error {}

    private static func isDone(_ queue: MessageQueue<String>) async throws -> Bool {
        try await eventually {
            let stats = try await queue.status()
            return stats.ready + stats.inFlight + stats.delayed + stats.blocked == 0
        }
    }

    @Test(
        "is there once when the process of a message dies after the database's commit and before that in Redis"
    )
    func crashBetween() async throws {
        let books = try Books()
        try await DyingInstance.with { pair in
            let attempts = Record<Int>()
            let orders = pair.observer.queue("orders", of: String.self)
            pair.dying.handle(pair.dying.queue("orders", of: String.self), options: .oneByOne) {
                order, delivery in
                attempts.add(delivery.attempt)
                let handled = try await delivery.commit(in: books.inbox, Books.write(order))
                pair.die()
                return handled
            }
            try await pair.whileRunning {
                try await orders.send("a", id: "a")
                #expect(await eventually { attempts.all == [1] })
                pair.healthy.handle(pair.healthy.queue("orders", of: String.self), options: .oneByOne) {
                    order, delivery in
                    attempts.add(delivery.attempt)
                    return try await delivery.commit(in: books.inbox, Books.write(order))
                }
                #expect(try await Self.isDone(orders))
            }
            #expect(attempts.all == [1, 2], "the fault was felt")
            #expect(try books.entries == ["a"])
            #expect(try await orders.send("a", id: "a") == .duplicate)
        }
    }

    @Test(
        "hands out its value, and effects in Redis follow it once, also where the process died between the two commits"
    )
    func valueAndEffects() async throws {
        let books = try Books()
        try await DyingInstance.with { pair in
            let values = Record<Int?>()
            let orders = pair.observer.queue("orders", of: String.self)
            @Sendable func book(_ order: String, _ delivery: Delivery) async throws -> Decision {
                let count = try await delivery.perform(in: books.inbox) { database in
                    try Books.write(order)(database)
                    return try Int.fetchOne(database, sql: "SELECT count(*) FROM journal") ?? 0
                }
                values.add(count)
                if delivery.attempt == 1 { pair.die() }
                return .commit { $0.append(count.map(String.init) ?? "made before", toList: "counts") }
            }
            pair.dying.handle(pair.dying.queue("orders", of: String.self), options: .oneByOne, book)
            try await pair.whileRunning {
                try await orders.send("a", id: "a")
                #expect(await eventually { values.all == [1] })
                pair.healthy.handle(pair.healthy.queue("orders", of: String.self), options: .oneByOne, book)
                #expect(try await Self.isDone(orders))
            }
            #expect(values.all == [1, nil], "the fault was felt")
            #expect(try books.entries == ["a"])
            let counts = try await pair.observer.core.link.send([
                "LRANGE", .string(try orders.effectKey("counts")), "0", "-1",
            ])
            #expect(counts.value.array?.map(\.string) == ["made before"])
        }
    }

    @Test("is made by the next attempt at a message when the database undid the first one")
    func rollback() async throws {
        let books = try Books()
        try await DyingInstance.with { pair in
            let orders = pair.observer.queue("orders", of: String.self)
            pair.healthy.handle(pair.healthy.queue("orders", of: String.self), options: .oneByOne) {
                order, delivery in
                let isFirst = delivery.attempt == 1
                return try await delivery.commit(in: books.inbox) { database in
                    try Books.write(order)(database)
                    if isFirst { throw Broken() }
                }
            }
            try await pair.whileRunning {
                try await orders.send("a", id: "a")
                #expect(try await Self.isDone(orders))
            }
            #expect(try books.entries == ["a"])
            #expect(try await orders.status().dead == 0)
        }
    }

    @Test(
        "of a handler that was paused past its claim is refused, with a guard and without one",
        arguments: [true, false])
    func pausedHandler(isGuarded: Bool) async throws {
        let books = try Books()
        let gate = Gate()
        let paused = PausedInbox(inbox: books.inbox, gate: gate)
        let resource = isGuarded ? "shelf" : nil
        let errors = Record<HoldfastError.Code>()
        try await DyingInstance.with { pair in
            let orders = pair.observer.queue("orders", of: String.self)
            let taken = Record<Int>()
            pair.dying.handle(pair.dying.queue("orders", of: String.self), options: .oneByOne) {
                order, delivery in
                taken.add(delivery.attempt)
                pair.die()
                do {
                    return try await delivery.commit(
                        in: paused, guarding: resource, Books.write("\(order), late"))
                } catch let error as HoldfastError {
                    errors.add(error.code)
                    throw error
                }
            }
            try await pair.whileRunning {
                try await orders.send("a", id: "a", options: SendOptions(key: "shelf"))
                #expect(await eventually { taken.all == [1] })
                pair.healthy.handle(pair.healthy.queue("orders", of: String.self), options: .oneByOne) {
                    order, delivery in
                    try await delivery.commit(in: books.inbox, guarding: resource, Books.write(order))
                }
                #expect(try await Self.isDone(orders))
                gate.open()
                #expect(await eventually { paused.outcomes.all.count == 1 })
            }
            #expect(paused.outcomes.all == [isGuarded ? .refused : .alreadyCommitted])
            if isGuarded { #expect(await eventually { errors.all == [.lost] }) }
            #expect(try books.entries == ["a"])
        }
    }

    @Test("of a tick that was paused past its lease, and given up, is refused once the next tick has written")
    func pausedTick() async throws {
        let books = try Books()
        let gate = Gate()
        let paused = PausedInbox(inbox: books.inbox, gate: gate)
        try await DyingInstance.with { pair in
            let ticks = Record<String>()
            let every = Schedule.every(.milliseconds(300))
            pair.dying.add(worker: "checker", every, lease: DyingInstance.lease) { tick in
                ticks.add(tick.id)
                pair.die()
                try await tick.commit(in: paused, Books.write(tick.id))
            }
            try await pair.whileRunning {
                #expect(await eventually { ticks.all.count == 1 })
                pair.healthy.add(worker: "checker", every, lease: DyingInstance.lease) { tick in
                    try await tick.commit(in: books.inbox, Books.write(tick.id))
                }
                let hasWritten = try await eventually { try !books.entries.isEmpty }
                #expect(hasWritten)
                gate.open()
                #expect(await eventually { paused.outcomes.all == [.refused] })
            }
            let (entries, late) = (try books.entries, ticks.all[0])
            #expect(!entries.contains(late))
        }
    }

    @Test("of a tick is there once when the tick is begun again after its process died")
    func tickBegunAgain() async throws {
        let books = try Books()
        try await DyingInstance.with { pair in
            let (begun, committed) = (Record<String>(), Record<Bool>())
            // The first tick comes within the minute: nothing but the crash makes a second run.
            let again = WorkerOptions(afterCrash: .runAgain(attempts: 3))
            let once = Schedule.every(.seconds(86_400), runOnStart: true)
            pair.dying.add(worker: "checker", once, lease: DyingInstance.lease, options: again) { tick in
                try await tick.commit(in: books.inbox, Books.write(tick.id))
                begun.add(tick.id)
                pair.die()
                try await Gate().pass()
            }
            try await pair.whileRunning {
                #expect(await eventually { begun.all.count == 1 })
                pair.healthy.add(worker: "checker", once, options: again) { tick in
                    committed.add(try await tick.commit(in: books.inbox, Books.write(tick.id)))
                    begun.add(tick.id)
                }
                #expect(await eventually { begun.all.count == 2 })
            }
            #expect(begun.all[0] == begun.all[1])
            #expect(committed.all == [false])
            #expect(try books.entries == [begun.all[0]])
        }
    }

    @Test("of an id is there once when its result was not recorded")
    func onceWithoutResult() async throws {
        let books = try Books()
        try await DyingInstance.with { pair in
            await #expect(throws: Broken.self) {
                try await pair.observer.once("e-1", in: "stripe") { claim -> Bool in
                    #expect(try await claim.commit(in: books.inbox, Books.write("e-1")))
                    throw Broken()
                }
            }
            let outcome = try await pair.observer.once("e-1", in: "stripe") { claim in
                try await claim.commit(in: books.inbox, Books.write("e-1 again"))
            }
            guard case .executed(false) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(try books.entries == ["e-1"])
        }
    }
}

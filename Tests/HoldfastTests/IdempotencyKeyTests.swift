import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite("An idempotency key")
struct IdempotencyKeyTests {
    @Test("has the documented format, for ever")
    func format() {
        #expect(IdempotencyKey.text("billing", .message, "orders", "o-1") == "billing/queue/orders/o-1")
        #expect(
            IdempotencyKey.text("a b", .once, "x/y", "100%\u{E9}~._") == "a%20b/once/x%2Fy/100%25%C3%A9~._")
        #expect(IdempotencyKey.text("n", .tick, "w", "-5") == "n/tick/w/-5")
        #expect(IdempotencyKey.text("n", .trigger, "w", "5") == "n/trigger/w/5")
    }

    @Test("is another one for each namespace, kind, name and id, wherever their slashes stand")
    func unique() {
        let texts = ["a", "b", "a/b", "/", "a/", "/a", "%2F", "a%2Fb", "\u{E9}", "e\u{301}", "queue", ""]
        var keys: Set<[UInt8]> = []
        for namespace in texts {
            for kind in [IdempotencyKey.Kind.message, .once, .tick, .trigger] {
                for name in texts {
                    for id in texts {
                        keys.insert(Array(IdempotencyKey.text(namespace, kind, name, id).utf8))
                    }
                }
            }
        }
        #expect(keys.count == texts.count * 4 * texts.count * texts.count)
        #expect(keys.allSatisfy { $0.allSatisfy { (0x21...0x7E).contains($0) } })
    }

    @Test(
        "of a message, a tick and an id names all of them, and is the same at each attempt",
        arguments: Backend.all)
    func deliveries(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let keys = Record<String>()
            let ids = Record<String>()
            for (queue, id) in [("orders", "packing/o-1"), ("orders/packing", "o-1")] {
                let queue = holdfast.queue(queue, of: Int.self)
                holdfast.handle(queue, options: .quick()) { _, delivery in
                    keys.add(delivery.idempotencyKey)
                    return delivery.attempt == 1 ? .retry() : .commit
                }
                try await queue.send(1, id: id)
            }
            let ticks = Record<String>()
            holdfast.add(worker: "w", .every(.seconds(86_400), runOnStart: true)) { tick in
                ticks.add(tick.idempotencyKey)
                ids.add("t/\(tick.isTriggered ? "trigger" : "tick")/w/\(tick.nominalMilliseconds)")
            }
            try await holdfast.whileRunning {
                #expect(await eventually { keys.count == 4 && ticks.count == 1 })
                _ = try await holdfast.worker("w").trigger()
                #expect(await eventually { ticks.count == 2 })
            }
            #expect(
                keys.all.sorted() == [
                    "t/queue/orders%2Fpacking/o-1", "t/queue/orders%2Fpacking/o-1",
                    "t/queue/orders/packing%2Fo-1", "t/queue/orders/packing%2Fo-1",
                ])
            #expect(ticks.all == ids.all && ticks.all[1].hasPrefix("t/trigger/"))
        }
    }
}

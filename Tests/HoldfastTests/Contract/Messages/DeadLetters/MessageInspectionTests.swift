import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

@Suite("A look at one message")
struct MessageInspectionTests {
    @Test("tells in each of its states what it is and what it waits for", arguments: Backend.all)
    func states(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: String.self)
            func state(_ id: String) async throws -> MessageStatus.State? {
                try await queue.message(id)?.state
            }
            #expect(try await queue.message("a") == nil)
            _ = try await bench.enqueue("a")
            let ready = try #require(try await queue.message("a"))
            #expect(ready.state == .ready && ready.body?.text == "\"a\"" && ready.type == "String")
            var claim = try await bench.claim().claims[0]
            guard case .claimed(attempt: 1, let remaining) = try await state("a") else {
                Issue.record("not claimed")
                return
            }
            #expect(remaining > .seconds(30) && remaining <= .seconds(60))
            _ = try await bench.settle([(claim, .retry(after: .seconds(60)))])
            guard case .waiting(let wait, attempts: 1) = try await state("a") else {
                Issue.record("not waiting")
                return
            }
            #expect(wait > .seconds(30))
            try await queue.send("k", id: "first", options: SendOptions(priority: .high, key: "k"))
            try await queue.send("k", id: "second", options: SendOptions(priority: .low, key: "k"))
            claim = try await bench.claim().claims[0]
            #expect(try await state("second") == .blocked)
            _ = try await bench.settle([(claim, .bury(reason: "bad"))])
            guard case .dead(let letter) = try await state("first") else {
                Issue.record("not dead")
                return
            }
            #expect(letter.reason == "bad")
            claim = try await bench.claim().claims[0]
            _ = try await bench.settle([(claim, .commit)])
            guard case .done(let remembered) = try await state("second") else {
                Issue.record("not done")
                return
            }
            #expect(remembered > .seconds(30) && remembered <= .seconds(60))
        }
    }

    @Test(
        "finds one among thousands, and one that a plain client added without an id", arguments: Backend.all)
    func walking(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let queue = holdfast.queue("q", of: Int.self)
            try await queue.send(contentsOf: (0..<2500).map { ("\($0)", $0) })
            #expect(try await queue.message("2499")?.body?.text == "2499")
            let entry = try await QueueBench(holdfast).add("body", "1")
            #expect(try await queue.message(entry)?.state == .ready)
        }
    }
}

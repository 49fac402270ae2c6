import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("Dead letters")
struct DeadLetterTests {
    private func bury(_ bench: QueueBench, _ ids: String..., letters: Int = 1000) async throws {
        for id in ids { _ = try await bench.enqueue(id) }
        for claim in try await bench.claim().claims {
            _ = try await bench.settle([(claim, .bury(reason: "bad \(claim.id)"))], letters: letters)
        }
    }

    @Test(
        "tell what the message was and why it was given up, the oldest first, page by page",
        arguments: Backend.all)
    func listing(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await bury(bench, "a", "b", "c")
            let queue = holdfast.queue("q", of: String.self)
            let first = try await queue.deadLetters(limit: 2)
            #expect(first.map(\.id) == ["a", "b"] && first.map(\.attempts) == [1, 1])
            #expect(first.map(\.reason) == ["bad a", "bad b"] && first.map(\.type) == ["String", "String"])
            #expect(first[0].body.text == "\"a\"" && first[0].age < .seconds(60))
            let rest = try await queue.deadLetters(after: first[1].entry)
            #expect(rest.map(\.id) == ["c"])
        }
    }

    @Test(
        "are put back once, however often and by however many they are replayed, with new attempts",
        arguments: Backend.all)
    func replay(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, server in
            let other = try client(of: server)
            let bench = try QueueBench(holdfast)
            try await bury(bench, "a", "b")
            let queue = holdfast.queue("q", of: String.self)
            let letters = try await queue.deadLetters()
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                for client in [holdfast, other, holdfast, other] {
                    group.addTask { try await client.queue("q", of: String.self).replay(letters) }
                }
                return try await group.reduce(0, +)
            }
            #expect(counts == 2)
            let claims = try await bench.claim().claims
            #expect(claims.map(\.id) == ["a", "b"] && claims.map(\.attempt) == [1, 1])
            #expect(claims.map(\.body.text) == ["\"a\"", "\"b\""])
            #expect(try await bench.status().dead == 0)
            #expect(try await bench.enqueue("a") == [.duplicate], "its id stays known")
            #expect(
                try await bench.settle(claims.map { ($0, .commit { $0.increment("n") }) })
                    == ["committed", "committed"])
            #expect(try await bench.enqueue("a") == [.duplicate])
            await other.close()
        }
    }

    @Test(
        "are removed for good, and their ids stay known for as long as asked, or are forgotten",
        arguments: Backend.all)
    func discard(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await bury(bench, "a", "b", "c")
            let queue = holdfast.queue("q", of: String.self)
            let letters = try await queue.deadLetters()
            #expect(try await queue.discard([letters[0], letters[0]]) == 1)
            #expect(try await queue.deadLetters().map(\.id) == ["b", "c"])
            #expect(try await queue.replay([letters[0]]) == 0)
            #expect(try await bench.enqueue("a") == [.duplicate], "as one that is done")
            guard case .done(let remembered) = try await queue.message("a")?.state else {
                Issue.record("it is not known as done")
                return
            }
            #expect(remembered > .seconds(6 * 86_400))
            #expect(try await queue.discard(letters, remembering: nil) == 2)
            #expect(try await bench.enqueue("b") != [.duplicate])
            #expect(try await bench.enqueue("a") == [.duplicate], "no letter of it was there to be removed")
            await #expect(throws: HoldfastError.self) { try await queue.discard(letters, remembering: .zero) }
        }
    }

    @Test("that are removed do not free the id of a message that was committed", arguments: Backend.all)
    func discardOfCommitted(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await bury(bench, "a")
            // Another client has added it a second time, and it was handled.
            try await holdfast.redis("XADD", .string(bench.keys.stream), "*", "id", "a", "body", "1")
            let claim = try await bench.claim().claims[0]
            _ = try await bench.settle([(claim, .commit)])
            let queue = holdfast.queue("q", of: String.self)
            #expect(try await queue.discard(queue.deadLetters(), remembering: nil) == 1)
            #expect(try await bench.enqueue("a") == [.duplicate])
        }
    }

    @Test("are found by the id of their message, all of them", arguments: Backend.all)
    func byMessage(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await bury(bench, "a", "b")
            try await holdfast.redis("XADD", .string(bench.keys.stream), "*", "id", "a", "body", "1")
            for claim in try await bench.claim().claims {
                _ = try await bench.settle([(claim, .bury(reason: "again"))])
            }
            let store = try holdfast.store(ofQueue: "q")
            let letters = try await store.deadLetters()
            #expect(letters.map(\.id) == ["a", "b", "a"])
            #expect(try await store.letters(ofMessage: "a") == [letters[0].entry, letters[2].entry])
            #expect(try await store.letters(ofMessage: "x") == [])
            #expect(try await store.deadLetter(letters[1].entry)?.id == "b")
            #expect(try await store.deadLetter("1-1") == nil)
        }
    }

    @Test("keep the name of a message that was added without an id", arguments: Backend.all)
    func unnamed(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: Int.self)
            for stream in [bench.keys.stream, bench.keys.high] {
                try await holdfast.redis("XADD", .string(stream), "*", "body", "1")
                let first = try await bench.claim().claims[0]
                _ = try await bench.settle([(first, .bury(reason: ""))])
                #expect(try await queue.replay(queue.deadLetters()) == 1)
                let again = try await bench.claim().claims[0]
                #expect(again.id == first.id)
                // Twice, too.
                _ = try await bench.settle([(again, .bury(reason: ""))])
                #expect(try await queue.replay(queue.deadLetters()) == 1)
                let last = try await bench.claim().claims[0]
                #expect(last.id == first.id)
                #expect(try await bench.settle([(last, .commit)]) == ["committed"])
            }
        }
    }

    @Test("keep their priority and their other fields when they are replayed", arguments: Backend.all)
    func fields(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await holdfast.redis(
                "XADD", .string(bench.keys.high), "*", "id", "a", "trace", "t1", "body", "1")
            _ = try await bench.settle([(bench.claim().claims[0], .bury(reason: ""))])
            let letters = try await holdfast.queue("q", of: Int.self).deadLetters()
            _ = try await bench.enqueue("b")
            #expect(try await holdfast.queue("q", of: Int.self).replay(letters) == 1)
            let claims = try await bench.claim().claims
            #expect(claims.map(\.id) == ["a", "b"])
            _ = try await bench.settle([(claims[0], .bury(reason: "again"))])
            let letter = try #require(try await bench.deadLetters().first)
            #expect(letter["trace"] == "t1" && letter["reason"] == "again")
        }
    }

    @Test(
        "are no more than the queue keeps: the oldest go, and their ids are still known",
        arguments: Backend.all)
    func cap(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await bury(bench, "a", "b", "c", "d", letters: 2)
            #expect(try await bench.deadLetters().map { $0["id"] } == ["c", "d"])
            #expect(try await bench.enqueue("a", "c") == [.duplicate, .duplicate])
            // Those of messages that crash their consumers are counted too.
            _ = try await bench.enqueue("e")
            _ = try await bench.claim(lease: .milliseconds(1)).claims
            let isBuried = try await eventually {
                _ = try await bench.claim(attempts: 1, letters: 1).claims
                return try await bench.deadLetters().map { $0["id"] } == ["e"]
            }
            #expect(isBuried)
            let pinned = try await holdfast.redis("ZCOUNT", .string(bench.keys.ledger), "inf", "inf")
            #expect(pinned == .integer(1), "only what still exists is pinned")
        }
    }

    @Test(
        "are put back with fields of a later version, which are the letter's own, and not without their own",
        arguments: Backend.all)
    func foreignFields(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let dead = RedisArgument.string(bench.keys.dead)
            let store = try holdfast.store(ofQueue: "q")
            // The message has a field of each name, too.
            let own: [RedisArgument] = [
                "XADD", dead, "*", "entry", "mine", "id", "a", "reason", "why", "body", "1",
            ]
            for rest in [
                ["entry", "5-1", "attempts", "3"], ["entry", "x", "attempts", "3", "reason", "r"], [],
            ] {
                let command = RedisCommand(own + rest.map(RedisArgument.string))
                let letter = try await holdfast.core.link.send(command).value.string
                #expect(try await store.replay([#require(letter)]) == [nil])
            }
            let letter = try await holdfast.core.link.send(
                RedisCommand(own + ["entry", "5-1", "attempts", "3", "reason", "r", "by", "someone"])
            ).value.string
            #expect(try await store.message("a")?.id == "a")
            #expect(try await store.replay([#require(letter)]).count { $0 != nil } == 1)
            let claim = try #require(try await bench.claim().claims.first)
            #expect(claim.id == "a" && claim.attempt == 1)
            _ = try await bench.settle([(claim, .bury(reason: "again"))])
            let fields = try await holdfast.redis("XREVRANGE", dead, "+", "-", "COUNT", "1").array?[0].array?[
                1]
            #expect(
                fields?.array?.compactMap(\.string)
                    == ["entry", "mine", "id", "a", "reason", "why", "body", "1", "entry", claim.entry]
                    + ["attempts", "1", "reason", "again"])
        }
    }

    @Test(
        "of nothing are no messages: what is no letter is not replayed, nor what is gone",
        arguments: Backend.all)
    func strangers(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            let claim = try await bench.claim().claims[0]
            try await holdfast.redis("XDEL", .string(bench.keys.stream), .string(claim.entry))
            _ = try await bench.settle([(claim, .bury(reason: "gone"))])
            try await holdfast.redis("XADD", .string(bench.keys.dead), "*", "some", "thing")
            let store = try holdfast.store(ofQueue: "q")
            let letters = try await store.deadLetters().map(\.entry) + ["1-1"]
            #expect(letters.count == 3)
            #expect(try await store.replay(letters) == [nil, nil, nil])
            #expect(try await bench.status().dead == 2)
        }
    }
}

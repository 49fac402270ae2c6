import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("The claim script")
struct ClaimScriptTests {
    @Test(
        "hands out each message once, in order, with rising fences, and no more than asked for",
        arguments: Backend.all)
    func order(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b", "c")
            let first = try await bench.claim(2)
            let second = try await bench.claim(2)
            #expect((first.claims + second.claims).map(\.id) == ["a", "b", "c"])
            #expect((first.claims + second.claims).map(\.attempt) == [1, 1, 1])
            #expect(first.claims[0].fencingToken == first.claims[1].fencingToken)
            #expect(first.claims[0].fencingToken < second.claims[0].fencingToken)
            #expect(try await bench.claim().claims.isEmpty)
        }
    }

    @Test(
        "takes what any client adds, with or without an id, also from before the first consumer",
        arguments: Backend.all)
    func plainXADD(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let entry = try await bench.add("body", "1")
            _ = try await bench.add("id", "x", "extra", "y", "body", "2")
            _ = try await bench.add("nothing", "useful")
            let claims = try await bench.claim().claims
            #expect(claims.map { String(decoding: $0.body, as: UTF8.self) } == ["1", "2", ""])
            #expect(claims.map(\.id).prefix(2) == [entry, "x"])
            #expect(
                try await bench.settle(claims.map { ($0, .commit) })
                    == Array(repeating: "committed", count: 3))
        }
    }

    @Test("lets Redis find a claim without looking at the others")
    func encoding() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            _ = try await bench.claim()
            let claims = RedisArgument.string(bench.keys.claims)
            let encoding = try await holdfast.core.link.send(["OBJECT", "ENCODING", claims])
            #expect(encoding.value.string == "hashtable")
        }
    }

    @Test("writes nothing when there is nothing to claim", arguments: Backend.all)
    func idle(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.claim()
            func offset() async throws -> String {
                let info = try await holdfast.redis("INFO", "persistence").string ?? ""
                return info.split(separator: "\r\n").first { $0.hasPrefix("rdb_changes") }.map(String.init)
                    ?? "-"
            }
            let before = try await offset()
            let batch = try await bench.claim()
            #expect(batch.claims.isEmpty && batch.nextDue == nil)
            #expect(try await offset() == before)
        }
    }

    @Test(
        "hands an expired claim to the next with a higher fence and one more attempt", arguments: Backend.all)
    func takeOver(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            let dead = try await bench.claim(lease: .seconds(60)).claims[0]
            let waiting = try await bench.claim()
            #expect(waiting.claims.isEmpty)
            #expect(try #require(waiting.nextDue) <= .seconds(60))
            #expect(try await bench.renew([dead], lease: .milliseconds(1)) == [1])
            let heir = try await bench.takeOver()[0]
            #expect(heir.id == "a" && heir.attempt == 2)
            #expect(heir.fencingToken > dead.fencingToken)
        }
    }

    @Test("prefers what is due again to what is new", arguments: Backend.all)
    func dueFirst(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b", "c")
            let claims = try await bench.claim(2).claims
            _ = try await bench.settle([(claims[0], .retry(after: .zero)), (claims[1], .giveBack)])
            let again = try await bench.claim(2).claims
            #expect(Set(again.map(\.id)) == ["a", "b"])
            #expect(Dictionary(uniqueKeysWithValues: again.map { ($0.id, $0.attempt) }) == ["a": 2, "b": 1])
        }
    }

    @Test("buries a message whose attempts all ended without an outcome", arguments: Backend.all)
    func poison(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.add("id", "poison", "body", "{}", "trace", "t1")
            for attempt in 1...3 {
                var claims: [MessageClaim] = []
                _ = try await eventually {
                    claims = try await bench.claim(lease: .milliseconds(1), attempts: 3).claims
                    return !claims.isEmpty
                }
                #expect(claims.map(\.attempt) == [attempt])
            }
            #expect(
                try await eventually {
                    let isOver = try await bench.claim(attempts: 3).claims.isEmpty
                    return try await bench.status().dead == 1 && isOver
                })
            let letter = try #require(try await bench.deadLetters().first)
            #expect(letter["id"] == "poison" && letter["body"] == "{}" && letter["trace"] == "t1")
            #expect(letter["attempts"] == "3" && letter["reason"]?.hasPrefix("no outcome") == true)
            let stats = try await bench.status()
            #expect(stats.ready + stats.inFlight + stats.delayed == 0)
            #expect(try await bench.enqueue("poison") == [.duplicate])
        }
    }

    @Test("removes a message whose id is committed, instead of handing it out", arguments: Backend.all)
    func alreadyDone(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            _ = try await bench.settle([(bench.claim().claims[0], .commit)])
            _ = try await bench.add("id", "a", "body", "1")
            _ = try await bench.add("id", "b", "body", "2")
            #expect(try await bench.claim().claims.map(\.id) == ["b"])
            #expect(try await holdfast.redis("XLEN", .string(bench.keys.stream)) == .integer(1))
        }
    }

    @Test("forgets the claim on an entry that somebody removed from the stream", arguments: Backend.all)
    func removedEntry(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            let claim = try await bench.claim(lease: .milliseconds(1)).claims[0]
            try await holdfast.redis("XDEL", .string(bench.keys.stream), .string(claim.entry))
            #expect(
                try await eventually {
                    _ = try await bench.claim()
                    return try await holdfast.redis(
                        "EXISTS", .string(bench.keys.expiry), .string(bench.keys.claims))
                        == .integer(0)
                })
        }
    }

    @Test(
        "fails before it moves the group when a key holds something else",
        arguments: [
            "expiry", "claims", "waiting", "scheduled", "due", "attempts", "order", "blocked", "ledger",
            "dead", "stream-high",
            "stream-low",
        ])
    func wrongType(part: String) async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            let key = RedisArgument.string(try holdfast.core.keys.key("q", part))
            try await holdfast.redis("DEL", key)
            try await holdfast.redis("SET", key, "x")
            await #expect(throws: RedisError.self) { try await bench.claim() }
            try await holdfast.redis("DEL", key)
            #expect(try await bench.claim().claims.map(\.id) == ["a"])
        }
    }

    @Test("prolongs only claims that are still the caller's", arguments: Backend.all)
    func renewal(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b")
            let dead = try await bench.claim(1, lease: .milliseconds(1)).claims
            var live: [MessageClaim] = []
            let isTakenOver = try await eventually {
                live += try await bench.claim().claims
                return live.count == 2
            }
            #expect(isTakenOver)
            #expect(try await bench.renew(dead + live, lease: .milliseconds(1)) == [0] + live.map { _ in 1 })
            #expect(try await bench.takeOver().isEmpty == false, "the renewal set the new end")
        }
    }
}

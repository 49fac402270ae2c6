import HoldfastTesting
import Logging
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// What somebody wrote to a queue's keys that nobody can read.
@Suite("Something in a queue that cannot be read")
struct StrayTests {
    private func key(_ part: String) -> RedisArgument { .string("t:{q}:\(part)") }

    @Test("is set aside, named, and holds nothing up", arguments: Backend.all)
    func members(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let texts = ["zzz", "1", "5-x", "h-1-1", "01-1", "99999999999999999999-1", " 5-1", "k5-1"]
            for part in ["waiting", "scheduled", "due", "expiry"] {
                for text in texts { try await holdfast.redis("ZADD", key(part), "1", .string(text)) }
                _ = try await bench.enqueue(part)
                let batch = try await bench.claim()
                #expect(batch.claims.map(\.id) == [part])
                #expect(Set(batch.strays) == Set(texts.map { Stray(key: "t:{q}:\(part)", found: $0) }))
                #expect(try await holdfast.redis("ZCARD", key(part)).integer == (part == "expiry" ? 4 : 0))
                #expect(try await bench.claim().strays.isEmpty)
            }
            let letters = try await bench.deadLetters()
            #expect(letters.count == 4 * texts.count)
            #expect(letters.allSatisfy { $0["reason"]?.hasPrefix("set aside from t:{q}:") == true })
            #expect(letters.first?["from"] == "t:{q}:waiting")
            #expect(Set(letters.map { $0["found"] }) == Set(texts))
            let store = try holdfast.store(ofQueue: "q")
            let dead = try await store.deadLetters()
            #expect(dead.map(\.id) == dead.map(\.entry), "they are no messages")
            #expect(try await store.replay(dead.map(\.entry)).allSatisfy { $0 == nil })
        }
    }

    @Test("is set aside bit by bit where it is more than a command takes", arguments: Backend.all)
    func many(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for first in stride(from: 0, to: 9000, by: 500) {
                let members = (first..<first + 500).flatMap { [RedisArgument(1), .string("zzz\($0)")] }
                _ = try await holdfast.core.link.send(RedisCommand(["ZADD", key("expiry")] + members))
            }
            _ = try await bench.enqueue("m")
            var claims: [MessageClaim] = []
            var strays = 0
            for _ in 0..<10 {
                let batch = try await bench.claim(letters: 10_000)
                claims += batch.claims
                strays += batch.strays.count
            }
            #expect(claims.map(\.id) == ["m"])
            #expect(strays == 9000)
            #expect(try await holdfast.redis("ZCARD", key("expiry")).integer == 1)
            #expect(try await bench.status().dead == 9000)
        }
    }

    @Test(
        "of a message's attempts costs the message no more than its way by the dead letters",
        arguments: Backend.all)
    func attempts(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let store = try holdfast.store(ofQueue: "q")
            for (part, text) in [
                ("claims", "x"), ("claims", ""), ("claims", "1:x:y"), ("attempts", "x"), ("attempts", "1x"),
            ] {
                _ = try await bench.enqueue(part + text)
                let claim = try #require(try await bench.claim().claims.first)
                if part == "claims" {
                    try await holdfast.redis("ZADD", key("expiry"), "1", .string(claim.entry))
                } else {
                    _ = try await bench.settle([(claim, .retry(after: .zero))])
                }
                try await holdfast.redis("HSET", key(part), .string(claim.entry), .string(text))
                _ = try await bench.enqueue("next \(part)\(text)")
                let batch = try await bench.claim()
                #expect(batch.claims.map(\.id) == ["next \(part)\(text)"])
                #expect(batch.strays == [Stray(key: "t:{q}:\(part)", found: claim.entry)])
                let letter = try #require(try await store.deadLetters().first)
                #expect(letter.id == part + text && letter.attempts == 0)
                #expect(letter.reason == "how many attempts it had could not be read")
                #expect(try await store.replay([letter.entry]).count { $0 != nil } == 1)
                let again = try await bench.claim().claims
                #expect(again.map(\.id) == [part + text])
                let settled = try await bench.settle((batch.claims + again).map { ($0, .commit) })
                #expect(settled == ["committed", "committed"])
            }
            #expect(try await bench.status().isDrained)
        }
    }

    @Test(
        "behind the fence of a claim is a later version's, whose claim is taken over like any",
        arguments: Backend.all)
    func laterClaim(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            let claim = try #require(try await bench.claim().claims.first)
            try await holdfast.redis("HSET", key("claims"), .string(claim.entry), "2:5:token:and more")
            #expect(try await bench.settle([(claim, .commit)]) == ["lost"])
            try await holdfast.redis("ZADD", key("expiry"), "1", .string(claim.entry))
            #expect(try await bench.claim().claims.map(\.attempt) == [3])
        }
    }

    @Test("among the claims takes no place of the queue's limit for ever", arguments: Backend.all)
    func claimsWithoutEnd(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b")
            let claim = try #require(try await bench.claim(1).claims.first)
            try await holdfast.redis("HSET", key("claims"), "zzz", "1")
            try await holdfast.redis("DEL", key("expiry"))
            let batch = try await bench.claim(limit: 2)
            #expect(batch.claims.isEmpty && batch.strays == [Stray(key: "t:{q}:claims", found: "zzz")])
            // The other place is free again, and the claim that nobody would have ended ends like any.
            #expect(try await bench.claim(limit: 2).claims.map(\.id) == ["b"])
            try await holdfast.redis("ZADD", key("expiry"), "XX", "1", .string(claim.entry))
            #expect(try await bench.claim().claims.map(\.attempt) == [2])
        }
    }

    @Test("in place of the one whose turn it is gives the turn to the first in line", arguments: Backend.all)
    func turns(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for holder in ["zzz", "5-5"] {
                for number in 1...2 { _ = try await bench.add("id", "\(number)", "key", "k", "body", "1") }
                try await holdfast.redis("HSET", key("order"), "kk", .string(holder))
                let batch = try await bench.claim()
                #expect(batch.claims.isEmpty && batch.nextDue == .zero)
                #expect(batch.strays == [Stray(key: "t:{q}:order", found: "kk \(holder)")])
                for number in 1...2 {
                    let claims = try await bench.claim().claims
                    #expect(claims.map(\.id) == ["\(number)"])
                    _ = try await bench.settle(claims.map { ($0, .commit) })
                }
                #expect(try await holdfast.redis("EXISTS", key("order"), key("blocked")) == .integer(0))
                try await holdfast.redis("DEL", key("ledger"))
            }
        }
    }

    @Test("among those in line is passed over, and a line that nobody leads goes on", arguments: Backend.all)
    func lines(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for number in 1...3 { _ = try await bench.add("id", "\(number)", "key", "k", "body", "1") }
            let first = try await bench.claim().claims
            #expect(first.map(\.id) == ["1"])
            for text in ["1:k:", "1:k:zzz"] {
                try await holdfast.redis("ZADD", key("blocked"), "0", .string(text))
            }
            _ = try await bench.settle(first.map { ($0, .commit) })
            let second = try await bench.claim().claims
            #expect(second.map(\.id) == ["2"], "the heir is the next message")
            // Out of order by their scores, and without a leader.
            for (score, text) in [("-1", "zzz"), ("1", "7:k:")] {
                try await holdfast.redis("ZADD", key("blocked"), .string(score), .string(text))
            }
            try await holdfast.redis("DEL", key("order"))
            _ = try await bench.settle(second.map { ($0, .commit) })
            var strays: Set<Stray> = []
            var last: [MessageClaim] = []
            for _ in 0..<20 where last.isEmpty {
                let batch = try await bench.claim()
                strays.formUnion(batch.strays)
                last = batch.claims
            }
            #expect(last.map(\.id) == ["3"])
            #expect(strays.isSuperset(of: ["zzz", "7:k:"].map { Stray(key: "t:{q}:blocked", found: $0) }))
            // What stands behind the answer was set aside by this call, if a claim had not found it before.
            #expect(try await bench.settle(last.map { ($0, .commit) }).first == "committed")
            let stats = try await bench.status()
            #expect(stats.isDrained && stats.blocked == 0)
            let letters = try await bench.deadLetters().compactMap { $0["found"] }
            #expect(Set(letters) == ["1:k:", "1:k:zzz", "zzz", "7:k:"])
        }
    }

    @Test(
        "in place of the last fence is never followed by a lower one: nothing is claimed, and the error names it",
        arguments: Backend.all)
    func fence(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            for text in ["zzz", "", "1e15", "-1", "inf", "9007199254740991", "1700000000000000:x"] {
                try await holdfast.redis("SET", key("queue-fence"), .string(text))
                let error = await #expect(throws: RedisError.self) { try await bench.claim() }
                #expect(error.map { "\($0)" }?.contains("t:{q}:queue-fence holds no fence") == true)
            }
            try await holdfast.redis("SET", key("queue-fence"), "9007199254740990")
            #expect(try await bench.claim().claims.first?.fencingToken.rawValue == 9_007_199_254_740_991)
        }
    }

    @Test("is logged by the consumer with its key, which goes on with the rest")
    func logged() async throws {
        try await withPrivateRedisServer { server in
            let lines = Record<String>()
            let logger = Logger.recording(lines)
            let holdfast = try Holdfast(redis: server.url, namespace: "t", logger: logger)
            try await holdfast.redis("ZADD", key("due"), "1", "zzz\n")
            try await holdfast.redis("ZADD", key("expiry"), "1", "yyy")
            let queue = holdfast.queue("q", of: String.self)
            holdfast.handle(queue, options: .quick()) { _, _ in .commit }
            try await holdfast.whileRunning {
                try await queue.send("m", id: "m")
                #expect(try await queue.isDrained())
                #expect(
                    await eventually { lines.all.count { $0.hasPrefix("warning: something in t:{q}:") } == 2 }
                )
            }
            #expect(lines.all.contains { $0.contains("t:{q}:due") && $0.contains("'zzz\u{240A}'") })
            #expect(lines.all.contains { $0.contains("t:{q}:expiry") && $0.contains("'yyy'") })
            await holdfast.close()
        }
    }

    @Test("because its key has another type is named by the consumer, which goes on when the key is gone")
    func foreignKey() async throws {
        try await withPrivateRedisServer { server in
            let lines = Record<String>()
            let logger = Logger.recording(lines)
            let holdfast = try Holdfast(redis: server.url, namespace: "t", logger: logger)
            try await holdfast.redis("SET", key("order"), "x")
            let queue = holdfast.queue("q", of: String.self)
            holdfast.handle(queue, options: .quick()) { _, _ in .commit }
            try await holdfast.whileRunning {
                #expect(
                    await eventually {
                        lines.all.contains {
                            $0.hasPrefix("warning: t:{q}:order holds a string in place of a hash")
                        }
                    })
                try await queue.send("m", id: "m")
                try await holdfast.redis("DEL", key("order"))
                #expect(try await queue.isDrained())
            }
            await holdfast.close()
        }
    }
}

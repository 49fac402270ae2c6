import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

@Suite("The settle script")
struct SettleScriptTests {
    @Test("commits each message with its effects, and leaves nothing in the queue", arguments: Backend.all)
    func commit(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b")
            let claims = try await bench.claim().claims
            let answers = try await bench.settle([
                (
                    claims[0],
                    .commit {
                        $0.increment("n", by: 5)
                        $0.increment(field: "f", inHash: "h", by: -2)
                        $0.set(field: "g", inHash: "h", to: "v")
                        $0.set("s", to: "text")
                        $0.add("m", toSet: "set")
                        $0.append("x", toList: "l")
                    }
                ),
                (
                    claims[1],
                    .commit {
                        $0.increment("n")
                        $0.increment(field: "f", inHash: "h")
                        $0.append("y", toList: "l")
                    }
                ),
            ])
            #expect(answers == ["committed", "committed"])
            #expect(try await holdfast.redis("GET", bench.effect("n")).integer == 6)
            #expect(try await holdfast.redis("HGET", bench.effect("h"), "f").integer == -1)
            #expect(try await holdfast.redis("HGET", bench.effect("h"), "g").string == "v")
            #expect(try await holdfast.redis("GET", bench.effect("s")).string == "text")
            #expect(
                try await holdfast.redis("SMEMBERS", bench.effect("set")).array?.compactMap(\.string) == ["m"]
            )
            #expect(
                try await holdfast.redis("LRANGE", bench.effect("l"), "0", "-1").array?.compactMap(\.string)
                    == ["x", "y"])
            #expect(
                try await bench.status()
                    == QueueStatus(
                        name: "q", ready: 0, inFlight: 0, delayed: 0, blocked: 0, dead: 0, oldestAge: nil,
                        pausedFor: nil))
            #expect(
                try await holdfast.redis(
                    "EXISTS", .string(bench.keys.expiry), .string(bench.keys.claims),
                    .string(bench.keys.waiting))
                    == .integer(0))
        }
    }

    @Test("answers a repeated commit from the ledger, and applies nothing again", arguments: Backend.all)
    func repeated(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            let claim = try await bench.claim().claims[0]
            let commit = Settlement.Verdict.commit { $0.increment("n") }
            #expect(try await bench.settle([(claim, commit), (claim, commit)]) == ["committed", "already"])
            #expect(try await bench.settle([(claim, commit)]) == ["already"])
            #expect(try await bench.settle([(claim, .retry(after: .zero))]) == ["already"])
            #expect(try await holdfast.redis("GET", bench.effect("n")).integer == 1)
            #expect(try await bench.claim().claims.isEmpty)
        }
    }

    @Test(
        "plans a retry, buries with a reason, gives back without counting the attempt", arguments: Backend.all
    )
    func otherVerdicts(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b", "c")
            let claims = try await bench.claim().claims
            #expect(
                try await bench.settle([
                    (claims[0], .retry(after: .seconds(60))), (claims[1], .bury(reason: "bad")),
                    (claims[2], .giveBack),
                ]) == ["retried", "buried", "returned"])
            let stats = try await bench.status()
            #expect(stats.inFlight == 0 && stats.delayed == 2 && stats.dead == 1)
            let letter = try #require(try await bench.deadLetters().first)
            #expect(letter["id"] == "b" && letter["body"] == "\"b\"" && letter["type"] == "String")
            #expect(
                letter["attempts"] == "1" && letter["reason"] == "bad" && letter["entry"] == claims[1].entry)
            let again = try await bench.claim()
            #expect(again.claims.map(\.id) == ["c"] && again.claims.map(\.attempt) == [1])
            #expect(try #require(again.nextDue) > .seconds(50))
            // Not ours any more: whatever else is said about them has no effect.
            #expect(
                try await bench.settle([
                    (claims[0], .commit), (claims[1], .commit), (claims[2], .bury(reason: "")),
                ]) == ["lost", "lost", "lost"])
        }
    }

    @Test("refuses everything from a claim that was taken over", arguments: Backend.all)
    func takenOver(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a")
            let zombie = try await bench.claim(lease: .milliseconds(1)).claims[0]
            let heir = try await bench.takeOver()[0]
            for verdict in [
                Settlement.Verdict.commit { $0.increment("n") }, .retry(after: .zero), .bury(reason: ""),
                .giveBack,
            ] {
                #expect(try await bench.settle([(zombie, verdict)]) == ["lost"])
            }
            #expect(try await holdfast.redis("EXISTS", bench.effect("n")) == .integer(0))
            #expect(try await bench.settle([(heir, .commit { $0.increment("n") })]) == ["committed"])
            #expect(try await bench.settle([(zombie, .commit { $0.increment("n") })]) == ["already"])
            #expect(try await holdfast.redis("GET", bench.effect("n")).integer == 1)
        }
    }

    @Test(
        "refuses a message whose effect cannot be applied, and applies nothing of it; the others commit",
        arguments: Backend.all)
    func wrongType(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b", "c")
            try await holdfast.redis("RPUSH", bench.effect("list"), "x")
            let claims = try await bench.claim().claims
            let answers = try await bench.settle(
                claims.map { claim in
                    (
                        claim,
                        .commit {
                            $0.increment("n")
                            $0.add(claim.id, toSet: "done")
                            if claim.id == "b" { $0.increment("list") }
                        }
                    )
                })
            #expect(answers[0] == "committed" && answers[2] == "committed")
            #expect(answers[1].hasPrefix("refused: WRONGTYPE"))
            #expect(try await holdfast.redis("GET", bench.effect("n")).integer == 2)
            #expect(try await holdfast.redis("SISMEMBER", bench.effect("done"), "b") == .integer(0))
            #expect(try await bench.status().inFlight == 1)
            #expect(try await bench.settle([(claims[1], .retry(after: .zero))]) == ["retried"])
        }
    }

    @Test("foresees every reason that would stop an effect half way", arguments: RefusedEffects.all)
    func refusals(refused: RefusedEffects) async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await holdfast.redis("SET", bench.effect("word"), "x")
            try await holdfast.redis("SET", bench.effect("zeros"), "007")
            try await holdfast.redis("SET", bench.effect("max"), "9223372036854775807")
            try await holdfast.redis("HSET", bench.effect("hash"), "word", "x", "max", "9223372036854775807")
            try await holdfast.redis("SADD", bench.effect("set"), "x")
            _ = try await bench.enqueue("a")
            let claim = try await bench.claim().claims[0]
            let verdict = Settlement.Verdict.commit {
                $0.add("first", toSet: "marks")
                refused.record(&$0)
            }
            #expect(try await bench.settle([(claim, verdict)])[0].hasPrefix("refused: "))
            #expect(try await holdfast.redis("EXISTS", bench.effect("marks")) == .integer(0))
            #expect(try await bench.settle([(claim, .commit)]) == ["committed"])
        }
    }

    @Test("judges effects by what the messages before them in the batch do", arguments: Backend.all)
    func batchOrder(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await holdfast.redis("SADD", bench.effect("k"), "x")
            _ = try await bench.enqueue("a", "b", "c", "d")
            let claims = try await bench.claim().claims
            let answers = try await bench.settle([
                (claims[0], .commit { $0.set("k", to: "41") }),
                (claims[1], .commit { $0.add("y", toSet: "k") }),
                (claims[2], .commit { $0.increment("k") }),
                (claims[3], .commit { $0.increment(field: "f", inHash: "fresh") }),
            ])
            #expect(answers.map { $0.prefix(9) } == ["committed", "refused: ", "committed", "committed"])
            #expect(try await holdfast.redis("GET", bench.effect("k")).integer == 42)
        }
    }

    @Test(
        "remembers the ids of commits, and forgets at most twice as many as it settles",
        arguments: Backend.all)
    func pruning(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for old in 0..<10 {
                try await holdfast.redis(
                    "ZADD", .string(bench.keys.ledger), .init(old + 1), .string("old\(old)"))
            }
            _ = try await bench.enqueue("a")
            _ = try await bench.settle([(bench.claim().claims[0], .commit)])
            #expect(try await holdfast.redis("ZCARD", .string(bench.keys.ledger)) == .integer(9))
        }
    }

    @Test("commits although the memory is full")
    func outOfMemory() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b")
            let claims = try await bench.claim(1).claims
            try await holdfast.redis("CONFIG", "SET", "maxmemory", "1")
            #expect(try await bench.settle([(claims[0], .commit { $0.increment("n") })]) == ["committed"])
            await #expect(throws: HoldfastError.self) { try await bench.enqueue("c") }
            #expect(try await bench.claim().claims.map(\.id) == ["b"], "the queue can be emptied")
            try await holdfast.redis("CONFIG", "SET", "maxmemory", "0")
            #expect(try await holdfast.redis("GET", bench.effect("n")).integer == 1)
        }
    }
}

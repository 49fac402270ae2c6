import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// Messages that other clients make as large as they like: none is lost, and none keeps the others from being handled.
@Suite("Large messages")
struct OversizeTests {
    private static func body(_ megabytes: Int, _ letter: Character = "x") -> RedisArgument {
        .bytes(Array(repeating: letter.asciiValue!, count: megabytes << 20))
    }

    private func add(_ bench: QueueBench, _ fields: RedisArgument...) async throws {
        _ = try await bench.holdfast.core.link.send(
            RedisCommand(["XADD", .string(bench.keys.stream), "*"] + fields))
    }

    @Test("are handed out as many at a time as a reply has room for, none twice and none out of its order")
    func room() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for number in 0..<20 {
                try await add(
                    bench, "id", .init("\(number)"), "key", .init("k\(number % 2)"), "body", Self.body(3))
            }
            for number in 20..<40 { try await add(bench, "id", .init("\(number)"), "body", Self.body(3)) }
            var ids: [String] = []
            while true {
                let batch = try await bench.claim()
                guard !batch.claims.isEmpty else { break }
                #expect(batch.claims.count <= 3 && batch.claims.allSatisfy { $0.attempt == 1 })
                if batch.claims.count == 3 {
                    #expect(batch.nextDue == .zero, "the rest is asked for at once")
                }
                ids += batch.claims.map(\.id)
                _ = try await bench.settle(batch.claims.map { ($0, .commit) })
            }
            #expect(ids.count == 40 && Set(ids).count == 40)
            for key in 0..<2 {
                let ordered = ids.compactMap { Int($0) }.filter { $0 < 20 && $0 % 2 == key }
                #expect(ordered == ordered.sorted(), "of one key")
            }
            let stats = try await bench.status()
            #expect(stats.isDrained && stats.blocked == 0)
        }
    }

    @Test("whose consumers died, or that wait for another attempt, are handed out bit by bit, too")
    func again() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for number in 0..<12 { try await add(bench, "id", .init("\(number)"), "body", Self.body(3)) }
            var claims: [MessageClaim] = []
            while claims.count < 12 { claims += try await bench.claim(lease: .seconds(60)).claims }
            _ = try await bench.settle(claims.prefix(6).map { ($0, .retry(after: .zero)) })
            _ = try await bench.renew(Array(claims.suffix(6)), lease: .milliseconds(1))
            var again: [MessageClaim] = []
            let isComplete = try await eventually {
                let batch = try await bench.claim()
                #expect(batch.claims.count <= 3 && batch.takenOver <= 3)
                again += batch.claims
                return again.count >= 12
            }
            #expect(isComplete)
            #expect(Set(again.map(\.id)).count == 12 && again.allSatisfy { $0.attempt == 2 })
        }
    }

    @Test("that no reply has room for are buried with the reason; those beside them are handled")
    func tooLarge() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await add(bench, "id", "large", "body", Self.body(40))
            _ = try await bench.enqueue("usual")
            #expect(try await bench.claim().claims.map(\.id) == ["usual"])
            let letter = try #require(try await holdfast.queue("q", of: Int.self).deadLetters().first)
            #expect(
                letter.id == "large"
                    && letter.reason
                        == "it has \((40 << 20) + 5) bytes, which is more than \((1 << 25) + (1 << 16))"
            )
            #expect(letter.bodyBytes == 40 << 20 && letter.body.count == 1 << 20)
            let shown = try #require(try await holdfast.queue("q", of: Int.self).message("large"))
            #expect(shown.body?.count == 1 << 20)
            // It is all there, and can be read by hand.
            #expect(try await holdfast.redis("XLEN", .string(bench.keys.dead)) == .integer(1))
        }
    }

    @Test("are refused before they are sent, also by a commit")
    func refused() async throws {
        try await withHoldfast { holdfast, _ in
            let queue = holdfast.queue("q", of: String.self)
            let large = String(repeating: "x", count: (1 << 25) + 1)
            let error = await #expect(throws: HoldfastError.self) { try await queue.send(large, id: "a") }
            #expect(error?.code == .invalidArgument && error?.mayHaveHappened == false)
            var effects = Effects()
            try effects.send(large, to: queue)
            let keys = try QueueKeys("q", in: holdfast.core.keys)
            #expect(effects.problem(in: keys, id: "b")?.contains("bytes") == true)
        }
    }

    @Test("dead ones are listed page by page, and found")
    func listing() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for number in 0..<80 { try await add(bench, "id", .init("\(number)"), "body", Self.body(1)) }
            let queue = holdfast.queue("q", of: Int.self)
            #expect(try await queue.message("79")?.state == .ready)
            while true {
                let claims = try await bench.claim().claims
                if claims.isEmpty { break }
                _ = try await bench.settle(claims.map { ($0, .bury(reason: "test")) })
            }
            var letters: [DeadLetter] = []
            while true {
                let page = try await queue.deadLetters(after: letters.last?.entry)
                if page.isEmpty { break }
                letters += page
            }
            #expect(letters.map(\.id) == (0..<80).map(String.init))
            guard case .dead = try await queue.message("79")?.state else {
                Issue.record("not found")
                return
            }
        }
    }

    @Test("keep all of very many fields when they are given up, and when they are replayed")
    func manyFields() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let fields = (0..<9000).flatMap { [RedisArgument("f\($0)"), RedisArgument("v\($0)")] }
            _ = try await holdfast.core.link.send(
                RedisCommand(
                    ["XADD", .string(bench.keys.stream), "*"] + fields + ["id", "many", "body", "1"]))
            let claim = try #require(try await bench.claim().claims.first)
            #expect(claim.id == "many")
            #expect(try await bench.settle([(claim, .bury(reason: "test"))]) == ["buried"])
            let letter = try #require(try await bench.deadLetters().first)
            #expect(letter["id"] == "many" && letter["body"] == "1")
            #expect(letter["more"]?.contains(#""f8999","v8999""#) == true)
            let letters = try await holdfast.queue("q", of: Int.self).deadLetters()
            #expect(try await holdfast.queue("q", of: Int.self).replay(letters) == 1)
            #expect(try await bench.claim().claims.map(\.id) == ["many"])
        }
    }
}

import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

/// Each protection of the queue taken out in turn, to show that the check that should notice does.
@Suite("The queue without one of its checks")
struct BrokenScriptTests {
    private static let withoutOwner = ("local ours = owners[n] == ARGV[start + 2]", "local ours = true")
    private static let withoutLedger = (
        "if committed[id] or scores[n] and scores[n] ~= PINNED then", "if false then"
    )

    /// What effects a message had, in order: the name of each claim whose commit was applied.
    private func effects(_ bench: QueueBench) async throws -> [String] {
        try await bench.holdfast.redis("LRANGE", bench.effect("log"), "0", "-1").array?.compactMap(\.string)
            ?? []
    }

    private func commit(_ name: String) -> Settlement.Verdict {
        .commit { $0.append(name, toList: "log") }
    }

    /// The same scenario with the real script and with a broken one.
    private func compare(
        _ line: (String, String), right: [String], wrong: [String],
        _ scenario: @Sendable (QueueBench) async throws -> Void
    ) async throws {
        try await withHoldfast { holdfast, _ in
            var bench = try QueueBench(holdfast)
            try await scenario(bench)
            #expect(try await effects(bench) == right)
            try await holdfast.redis("FLUSHALL")
            bench.settleScript = try Scripts.settle.broken(line.0, line.1)
            try await scenario(bench)
            #expect(try await effects(bench) == wrong)
        }
    }

    @Test("without the owner check, takes a stale commit instead of the owner's")
    func staleCommit() async throws {
        try await compare(Self.withoutOwner, right: ["owner"], wrong: ["zombie"]) { bench in
            _ = try await bench.enqueue("a")
            let zombie = try await bench.claim(lease: .milliseconds(1)).claims[0]
            let owner = try await bench.takeOver()[0]
            _ = try await bench.settle([(zombie, commit("zombie"))])
            _ = try await bench.settle([(owner, commit("owner"))])
        }
    }

    @Test("without the owner check, doubles the effect of a zombie that wakes after the ledger forgot")
    func lateZombie() async throws {
        try await compare(Self.withoutOwner, right: ["owner"], wrong: ["owner", "zombie"]) { bench in
            _ = try await bench.enqueue("a")
            let zombie = try await bench.claim(lease: .milliseconds(1)).claims[0]
            let owner = try await bench.takeOver()[0]
            _ = try await bench.settle([(owner, commit("owner"))])
            try await bench.holdfast.redis("ZREM", .string(bench.keys.ledger), "a")
            _ = try await bench.settle([(zombie, commit("zombie"))])
        }
    }

    @Test("without the ledger, doubles the effect of an id that a plain client added twice")
    func addedTwice() async throws {
        try await compare(Self.withoutLedger, right: ["first"], wrong: ["first", "second"]) { bench in
            _ = try await bench.add("id", "a", "body", "1")
            _ = try await bench.add("id", "a", "body", "1")
            let claims = try await bench.claim().claims
            _ = try await bench.settle([(claims[0], commit("first"))])
            _ = try await bench.settle([(claims[1], commit("second"))])
        }
    }

    @Test("without the ledger, doubles the effect within one batch")
    func addedTwiceInOneBatch() async throws {
        try await compare(Self.withoutLedger, right: ["first"], wrong: ["first", "second"]) { bench in
            _ = try await bench.add("id", "a", "body", "1")
            _ = try await bench.add("id", "a", "body", "1")
            let claims = try await bench.claim().claims
            _ = try await bench.settle([(claims[0], commit("first")), (claims[1], commit("second"))])
        }
    }

    @Test("without the ledger, doubles the effect of an id that comes again while it is handled")
    func redelivered() async throws {
        try await compare(Self.withoutLedger, right: ["first"], wrong: ["first", "second"]) { bench in
            _ = try await bench.enqueue("a")
            let first = try await bench.claim().claims[0]
            _ = try await bench.add("id", "a", "body", "1")
            let second = try await bench.claim().claims[0]
            _ = try await bench.settle([(first, commit("first"))])
            _ = try await bench.settle([(second, commit("second"))])
        }
    }
}

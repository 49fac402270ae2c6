import Foundation
import HoldfastSimulation
import Testing

@Suite struct EffectLedgerTests {
    private static let one = Author(slot: 1, pid: 101)
    private static let two = Author(slot: 2, pid: 102)

    private static func withLedgers(_ body: (EffectLedger, EffectLedger) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "ledger-\(UUID().uuidString)").path
        defer {
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        }
        let (first, second) = (try EffectLedger(path: path), try EffectLedger(path: path))
        try await body(first, second)
        try first.close()
        try second.close()
    }

    private static func effect(_ message: String, attempt: Int = 1) -> Effect {
        Effect(message: message, share: Share(group: "g", amount: 5), fence: Int64(attempt), attempt: attempt)
    }

    @Test func `The inbox lets a message's effect through once, whoever repeats it`() async throws {
        try await Self.withLedgers { first, second in
            #expect(try await first.apply(Self.effect("m"), by: Self.one) == .applied)
            #expect(try await second.apply(Self.effect("m", attempt: 2), by: Self.two) == .absorbed)
            #expect(try await first.apply(Self.effect("m"), by: Self.one) == .absorbed)
            let contents = try await second.contents()
            #expect(contents.effects.map(\.message) == ["m"])
            #expect(contents.absorbed.map(\.author) == [Self.two, Self.one])
            #expect(contents.totals == ["g": 5])
        }
    }

    @Test func `Many writers at once lose nothing and repeat nothing`() async throws {
        try await Self.withLedgers { first, second in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask { _ = try await first.apply(Self.effect("m\(number)"), by: Self.one) }
                    group.addTask { _ = try await second.apply(Self.effect("m\(number)"), by: Self.two) }
                }
                try await group.waitForAll()
            }
            let contents = try await first.contents()
            #expect(Set(contents.effects.map(\.message)).count == 200)
            #expect(contents.effects.count == 200)
            #expect(contents.absorbed.count == 200)
            #expect(contents.totals == ["g": 1000])
        }
    }

    @Test func `A cancelled task finishes its write`() async throws {
        try await Self.withLedgers { first, _ in
            let task = Task { () async throws -> EffectLedger.Outcome in
                while !Task.isCancelled { await Task.yield() }
                return try await first.apply(Self.effect("m"), by: Self.one)
            }
            task.cancel()
            let outcome = try await task.value
            #expect(outcome == .applied)
        }
    }

    @Test func `A write with a lower fence than the highest is refused`() async throws {
        try await Self.withLedgers { first, second in
            #expect(try await first.writeTick("t@1", fence: 10, by: Self.one))
            #expect(try await second.writeTick("t@2", fence: 20, by: Self.two))
            #expect(try await first.writeTick("t@1", fence: 10, by: Self.one) == false)
            let contents = try await first.contents()
            #expect(contents.acceptedTicks.map(\.fence) == [10, 20])
            #expect(contents.refusedTicks.map(\.tick) == ["t@1"])
        }
    }

    @Test func `Progress tells the effects, who is up, and who is in the middle of a tick`() async throws {
        try await Self.withLedgers { first, second in
            #expect(try await first.progress() == LedgerProgress())
            try await first.register(Self.one)
            _ = try await first.apply(Self.effect("m"), by: Self.one)
            try await second.startTick("t@1", fence: 10, by: Self.two)
            let during = try await first.progress()
            #expect(during.effects == 1)
            #expect(during.upPIDs == [101])
            #expect(during.tickRunner == Self.two)
            _ = try await second.writeTick("t@1", fence: 10, by: Self.two)
            #expect(try await first.progress().tickRunner == nil)
        }
    }
}

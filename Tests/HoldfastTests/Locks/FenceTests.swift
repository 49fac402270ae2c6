import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

@Suite("A fence")
struct FenceTests {
    func fence(_ holdfast: Holdfast) async throws -> FencingToken {
        let lease = try await holdfast.acquire("a", waitingAtMost: .seconds(5))
        try await lease.release()
        return try lease.fencingToken
    }

    @Test("rises when the server's clock was set back: one more than the last")
    func clockSetBack() async throws {
        try await withHoldfast { holdfast, _ in
            // The record of a grant made while the clock was a year ahead.
            let ahead = 1_900_000_000_000_000
            try await holdfast.redis("SET", "t:{a}:fence", RedisArgument("\(ahead)x"))
            #expect(try await fence(holdfast).rawValue == Int64(ahead + 1))
            #expect(try await fence(holdfast).rawValue == Int64(ahead + 2))
        }
    }

    @Test("is the same when a call whose answer was lost is repeated")
    func repeated() async throws {
        try await withHoldfast { holdfast, _ in
            let call: () async throws -> RedisValue = {
                try await holdfast.core.link.evaluate(
                    Scripts.acquire, keys: ["t:{a}:lock", "t:{a}:fence"],
                    arguments: ["me", "60000", "60000", "try"]
                ).value
            }
            let first = try await call()
            #expect(try await call() == first)
            #expect(first.array?[0].integer == 1)
        }
    }
}

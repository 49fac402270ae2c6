import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// Passed over, such an entry would let fences fall.
@Suite("An entry that is no fence of this version")
struct UnknownFenceTests {
    static let entries = [
        "garbage", "v2:1764547200000000:x", "", "176454720000000x", "9007199254740991x",
        "99999999999999999999",
    ]

    private func expectRefusal(
        naming key: String, _ body: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: (any Error).self, sourceLocation: sourceLocation) {
            try await body()
        }
        if let error = error as? HoldfastError {
            #expect(error.code == .refused && !error.mayHaveHappened, sourceLocation: sourceLocation)
        } else {
            #expect((error as? RedisError)?.delivery == .refused, sourceLocation: sourceLocation)
        }
        let told = error.map { "\($0)" } ?? ""
        #expect(
            told.contains("\(key) has a form") || told.contains("\(key) holds no fence"), "\(told)",
            sourceLocation: sourceLocation)
    }

    /// All keys with what they hold.
    private func contents(_ holdfast: Holdfast) async throws -> [String: String] {
        var contents: [String: String] = [:]
        for part in ["lock", "fence", "once-fence", "queue-fence", "guard", "value"] {
            for name in ["a", "worker/w"] {
                let key = "t:{\(name)}:\(part)"
                guard let value = try await holdfast.redis("GET", .string(key)).string else { continue }
                contents[key] = "\(value), \(try await holdfast.redis("PTTL", .string(key)).integer ?? 0)"
            }
        }
        return contents
    }

    @Test("refuses a lock by name, and nothing is written", arguments: Backend.all)
    func lock(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            for entry in Self.entries {
                try await holdfast.redis("SET", "t:{a}:fence", .string(entry))
                let before = try await contents(holdfast)
                await expectRefusal(naming: "t:{a}:fence") { _ = try await holdfast.tryAcquire("a") }
                await expectRefusal(naming: "t:{a}:fence") { _ = try await holdfast.acquire("a") }
                #expect(try await contents(holdfast) == before)
                // Who asks for no fence needs none.
                let lease = try await holdfast.acquire("a", fenced: false)
                let held = try #require(try await holdfast.lockStatus("a"))
                await expectRefusal(naming: "t:{a}:fence") { _ = try await holdfast.forceRelease(held) }
                try await lease.release()
                #expect(try await contents(holdfast) == before)
            }
            // The largest that Lua counts with.
            try await holdfast.redis("SET", "t:{a}:fence", "9007199254740990x")
            let lease = try await holdfast.acquire("a")
            #expect(try lease.fencingToken.rawValue == 9_007_199_254_740_991)
            try await lease.release()
        }
    }

    @Test("ends the wait of those who were to be handed the lock", arguments: Backend.all)
    func handOff(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, instances in
            let other = try client(of: instances)
            let lease = try await holdfast.acquire("a")
            let waiting = Task { _ = try await other.acquire("a") }
            #expect(try await eventually { try await holdfast.redis("ZCARD", "t:{a}:waiters").integer == 1 })
            try await holdfast.redis("SET", "t:{a}:fence", "garbage")
            try await lease.release()
            await expectRefusal(naming: "t:{a}:fence") { try await waiting.value }
            #expect(try await eventually { try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0 })
            #expect(try await holdfast.redis("GET", "t:{a}:fence").string == "garbage")
            await other.close()
        }
    }

    @Test("refuses an id of once, a worker's tick and a queue's messages", arguments: Backend.all)
    func others(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let (ticks, bench) = (TickBench(holdfast: holdfast), try QueueBench(holdfast, "a"))
            _ = try await bench.enqueue("m")
            for entry in Self.entries {
                try await holdfast.redis("SET", "t:{a}:once-fence", .string(entry))
                try await holdfast.redis("SET", "t:{worker/w}:fence", .string(entry))
                try await holdfast.redis("SET", "t:{a}:queue-fence", .string(entry))
                let before = try await contents(holdfast)
                await expectRefusal(naming: "t:{a}:once-fence") {
                    _ = try await holdfast.once("id", in: "a") { _ in 1 }
                }
                await expectRefusal(naming: "t:{worker/w}:fence") {
                    _ = try await ticks.look("i:a", 1_000, cursor: 500, seed: 500)
                }
                await expectRefusal(naming: "t:{a}:queue-fence") { _ = try await bench.claim() }
                #expect(try await contents(holdfast) == before)
                #expect(
                    try await holdfast.redis("EXISTS", "t:{a}:once:id", "t:{worker/w}:worker").integer == 0)
                #expect(try await bench.status().ready == 1)
            }
        }
    }

    @Test("refuses to write and to read a fenced value", arguments: Backend.all)
    func value(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            for entry in ["x", "1e3", "-1", "", "99999999999999999999"] {
                try await holdfast.redis("SET", "t:{a}:guard", .string(entry))
                try await holdfast.redis("SET", "t:{a}:value", "theirs")
                let before = try await contents(holdfast)
                await expectRefusal(naming: "t:{a}:guard") {
                    _ = try await holdfast.fencedWrite("a", [1], fence: FencingToken(rawValue: 7))
                }
                await expectRefusal(naming: "t:{a}:guard") { _ = try await holdfast.fencedRead("a") }
                #expect(try await contents(holdfast) == before)
            }
        }
    }
}

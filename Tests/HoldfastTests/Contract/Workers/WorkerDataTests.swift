import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// What stands in a worker's keys in a form that this version does not know.
@Suite("A worker's data of an unknown form")
struct WorkerDataTests {
    private static let forms = [
        ("cursor", "12x"), ("cursor", "v2:12"), ("cursor", "12~1~2"), ("run:1", "v2 1000 tick 1"),
        ("run:1", "1000 tick 1 9 8 token"), ("run:1", "1000 else 1 9 8 token 1 host"), ("trigger", "soon"),
        ("slots", "many"), ("paused", "yes"), ("version", "2.0"), ("by", "?"),
    ]

    @Test("is refused by the name of its field, and nothing is changed", arguments: Backend.all, forms)
    func refused(_ backend: Backend, _ form: (field: String, text: String)) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", seed: 1)
            let key = try RedisArgument(bench.keys.worker)
            try await holdfast.redis("HSET", key, .string(form.field), .string(form.text))
            let before = try await holdfast.redis("HGETALL", key)
            let error = await #expect(throws: RedisError.self) {
                _ = try await bench.look("i:b", 1_000, cursor: 1)
            }
            #expect(error?.delivery == .refused)
            #expect(error?.message.contains("\(form.field) in t:{worker/w}:worker has a form") == true)
            #expect(try await holdfast.redis("HGETALL", key) == before)
            #expect(try await holdfast.redis("EXISTS", .string(bench.keys.locks[0])).integer == 0)
            guard ["cursor", "run:1", "trigger", "paused"].contains(form.field) else { return }
            let status = try #require(try await holdfast.worker("w").status())
            #expect(status.unreadable == [form.field] && status.runs.isEmpty)
        }
    }

    @Test("is no end of a run, and no fence", arguments: Backend.all)
    func finishAndFence(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", 1_000, cursor: 1, seed: 1)
            let worker = try RedisArgument(bench.keys.worker)
            try await holdfast.redis("HSET", worker, "run:1", "v2 i:a")
            await #expect(throws: RedisError.self) { try await bench.finish("i:a") }
            #expect(try await holdfast.redis("HGET", worker, "run:1").string == "v2 i:a")
            try await holdfast.redis("HDEL", worker, "run:1")
            try await bench.die()
            let fence = try RedisArgument(bench.keys.fence)
            try await holdfast.redis("SET", fence, "v2:9", "PX", "60000")
            let error = await #expect(throws: RedisError.self) {
                _ = try await bench.look("i:b", 2_000, cursor: 1_000)
            }
            #expect(error?.message.contains(":fence has a form") == true)
            #expect(try await holdfast.redis("GET", fence).string == "v2:9")
        }
    }

    @Test("is not turned back or asked for", arguments: Backend.all)
    func steering(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", seed: 1)
            let key = try RedisArgument(bench.keys.worker)
            try await holdfast.redis("HSET", key, "cursor", "v2:9999999999999999")
            #expect(await code { try await holdfast.worker("w").rewind() } == .refused)
            #expect(try await holdfast.redis("HGET", key, "cursor").string == "v2:9999999999999999")
        }
    }

    @Test("is not counted on where Lua no longer counts exactly", arguments: Backend.all)
    func hugeNumbers(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            _ = try await bench.look("i:a", seed: 1)
            let key = try RedisArgument(bench.keys.worker)
            try await holdfast.redis("HSET", key, "asked", "9007199254740992")
            #expect(await code { try await holdfast.worker("w").trigger() } == .refused)
            #expect(try await holdfast.redis("HGET", key, "trigger").string == nil)
            try await holdfast.redis("HDEL", key, "asked")
            try await holdfast.redis("HSET", key, "cursor", "99999999999999~9007199254740992")
            #expect(await code { try await holdfast.worker("w").rewind() } == .refused)
        }
    }

    @Test(
        "a schedule that is written in another way than this version writes it is gone by",
        arguments: Backend.all)
    func otherText(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = TickBench(holdfast: holdfast, schedule: .every(.seconds(86_400)))
            _ = try await bench.look("i:a", seed: 1)
            try await holdfast.redis(
                "HSET", .string(bench.keys.worker), "schedule", "every 0070ms", "by", "operator")
            let ticks = Record<Int64>()
            holdfast.add(
                TestWorker(schedule: .every(.seconds(86_400))) { ticks.add($0.nominalMilliseconds) })
            try await holdfast.whileRunning { #expect(await eventually { ticks.count >= 2 }) }
            #expect(ticks.all.allSatisfy { $0 % 70 == 0 })
        }
    }
}

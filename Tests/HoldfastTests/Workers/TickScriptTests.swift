import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

/// Calls a tick script as a worker's loop does.
private struct TickBench {
    let holdfast: Holdfast
    var script = Scripts.tick
    var keys: [String] {
        get throws {
            let keys = holdfast.core.keys
            return try [keys.key("worker/w", "cursor"), keys.lock("worker/w"), keys.fence("worker/w")]
        }
    }

    func call(cursor: String, nominal: Int64, token: String, lease: Int = 60_000) async throws -> [String] {
        let reply = try await holdfast.core.link.evaluate(
            script, keys: keys,
            arguments: [.string(cursor), .integer(nominal), .string(token), .init(lease), "60000"])
        return (reply.value.array?.dropFirst() ?? []).map { $0.string ?? "-" }
    }

    func finish(token: String) async throws {
        _ = try await holdfast.core.link.evaluate(
            Scripts.release, keys: [keys[1]], arguments: [.string(token)])
    }
}

@Suite("The tick script")
struct TickScriptTests {
    @Test("tells cursor and time without writing")
    func ask() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let reply = try await bench.call(cursor: "?", nominal: 0, token: "")
            #expect(reply[0] == "moved" && reply[2] == "")
            #expect(try await holdfast.redis("DBSIZE") == .integer(0))
        }
    }

    @Test("grants a tick once, with a rising fence")
    func once() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let first = try await bench.call(cursor: "", nominal: 1_000, token: "i:a")
            #expect(first[0] == "claimed")
            #expect(try await bench.call(cursor: "", nominal: 1_000, token: "i:b").prefix(1) == ["moved"])
            #expect(
                try await bench.call(cursor: "1000", nominal: 2_000, token: "i:b").prefix(1) == ["running"])
            try await bench.finish(token: "i:a")
            #expect(try await bench.call(cursor: "", nominal: 1_000, token: "i:b").dropFirst(2) == ["1000"])
            let second = try await bench.call(cursor: "1000", nominal: 2_000, token: "i:b")
            #expect(second[0] == "claimed")
            #expect(try #require(Int64(second[2])) > #require(Int64(first[2])))
        }
    }

    @Test("does not grant a tick before it is due on the server's clock")
    func early() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let now = try #require(Int64(try await bench.call(cursor: "?", nominal: 0, token: "")[1]))
            #expect(try await bench.call(cursor: "", nominal: now + 60_000, token: "i:a")[0] == "early")
            #expect(try await holdfast.redis("DBSIZE") == .integer(0))
        }
    }

    @Test("answers a repeated claim like the first one, and prolongs the run")
    func repeated() async throws {
        try await withHoldfast { holdfast, _ in
            let bench = TickBench(holdfast: holdfast)
            let first = try await bench.call(cursor: "", nominal: 1_000, token: "i:a", lease: 1_000)
            let again = try await bench.call(cursor: "", nominal: 1_000, token: "i:a", lease: 60_000)
            #expect(again[0] == "claimed" && again[2] == first[2])
            #expect(try #require(try await holdfast.redis("PTTL", .string(bench.keys[1])).integer) > 30_000)
        }
    }

    @Test("tells a worker that its claim succeeded although the reply was lost")
    func lostReply() async throws {
        try await withPrivateRedisServer { server in
            // The first call finds the script unknown, the second asks again, the third claims.
            let lost = FaultRule(.reply, of: "EVALSHA", .call(3), [.drop, .reset])
            let proxy = try FaultProxy(to: server.unixURL, rules: [lost])
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let claim = try TickClaim(
                worker: "w", lease: .seconds(5), link: holdfast.core.link, keys: holdfast.core.keys)
            _ = try await claim.ask()
            let nominal = try await claim.ask().serverTime
            let reply = try await claim.claim(nominal: nominal, cursor: nil, token: "i:a")
            #expect(proxy.log.count >= 1, "the fault was felt")
            guard case .claimed = reply.answer else {
                Issue.record("\(reply.answer)")
                return
            }
            await holdfast.close()
        }
    }

    @Test("without its compare lets two instances run one tick, and the check of the runs notices")
    func broken() async throws {
        /// Two instances saw the same cursor; the second comes when the first is through. Returns who ran the
        /// tick.
        @Sendable func runs(_ script: RedisScript, _ holdfast: Holdfast) async throws -> [String] {
            let bench = TickBench(holdfast: holdfast, script: script)
            var runs: [String] = []
            for token in ["i:a", "i:b"] {
                if try await bench.call(cursor: "", nominal: 1_000, token: token)[0] == "claimed" {
                    runs.append(token)
                    try await bench.finish(token: token)
                }
            }
            return runs
        }
        try await withHoldfast { holdfast, _ in
            #expect(try await runs(Scripts.tick, holdfast) == ["i:a"])
            try await holdfast.redis("FLUSHALL")
            let broken = try Scripts.tick.broken("if cursor ~= ARGV[1] then", "if false then")
            #expect(try await runs(broken, holdfast) == ["i:a", "i:b"])
        }
    }
}

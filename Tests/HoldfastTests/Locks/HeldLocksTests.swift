import HoldfastTesting
import RedisLink
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@testable import Holdfast

@Suite("The list of locks")
struct HeldLocksTests {
    @Test(
        "comes in parts, each lock once, by name, and as many as a pattern lets through",
        arguments: Backend.all)
    func pages(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let names =
                (0..<2500).map { "n\($0)" } + ["a b", "a%b", "a*b", "{x}", "caf\u{E9}", "cafe\u{301}"]
            for name in names {
                let key = try holdfast.core.keys.lock(name)
                try await holdfast.redis("SET", .string(key), "token", "PX", "60000")
            }
            var parts: [[String]] = []
            for try await part in holdfast.heldLocks() { parts.append(part.map(\.name)) }
            #expect(parts.allSatisfy { !$0.isEmpty && $0 == $0.sortedByBytes { $0 } })
            #expect(
                parts.joined().sortedByBytes { $0 }.elementsEqual(names.sortedByBytes { $0 }) {
                    $0.utf8.elementsEqual($1.utf8)
                })
            func found(_ pattern: String) async throws -> [String] {
                try await holdfast.locks(matching: pattern).map(\.name)
            }
            #expect(try await found("n24?9") == (0...9).map { "n24\($0)9" })
            #expect(try await found("n1") == ["n1"])
            #expect(try await found("a?b") == ["a b", "a%b", "a*b"])
            #expect(try await found("a\\*b") == ["a*b"])
            #expect(try await found("a b*") == ["a b"])
            #expect(try await found("{*}") == ["{x}"])
            #expect(try await found("*[x-z]?") == ["{x}"])
            #expect(try await found("caf\u{E9}").count == 1)
            #expect(try await found("none*").isEmpty)
            for name in names { try await holdfast.redis("DEL", .string(holdfast.core.keys.lock(name))) }
        }
    }

    @Test(
        "asks for all of a part together, as the lists of queues and workers do, and not one after the other")
    func pipelined() async throws {
        let asked = Mutex(0)
        // Answers none of three questions before it has all of them.
        let server = try FakeRedisServer { command in
            let isQuestion =
                ["EVALSHA", "EVAL"].contains(command.name)
                || command.name == "HGETALL" && command.words[1] != "holdfast:{instances}"
            switch command.name {
            case "SCAN":
                let part = command.words[3].hasSuffix(":lock") ? "lock" : "worker"
                let names = ["a", "b", "c"].map {
                    "holdfast:{\(part == "lock" ? "" : "worker/")\($0)}:\(part)"
                }
                return [.reply(RESP2.array([RESP2.bulk("0"), RESP2.array(names.map { RESP2.bulk($0) })]))]
            case "SMEMBERS": return [.reply(RESP2.array(["a", "b", "c"].map { RESP2.bulk($0) }))]
            case "HGETALL" where !isQuestion: return [.reply(RESP2.array([]))]
            case _ where isQuestion:
                let count = asked.withLock { asked in
                    asked += 1
                    return asked
                }
                let answer =
                    command.name == "HGETALL"
                    ? RESP2.array([])
                    : command.words[2] == "2"
                        ? RESP2.array([
                            RESP2.bulk("token"), RESP2.integer(1), RESP2.bulk("x"), RESP2.integer(1),
                        ])
                        : RESP2.array(Array(repeating: RESP2.integer(1), count: 8))
                return count.isMultiple(of: 3) ? [FakeRedisAction](repeating: .reply(answer), count: 3) : []
            default: return nil
            }
        }
        let holdfast = try Holdfast(redis: server.url, logger: .quiet)
        #expect(try await holdfast.locks().map(\.name) == ["a", "b", "c"])
        #expect(try await holdfast.workers().isEmpty)
        #expect(try await holdfast.queues().map(\.name) == ["a", "b", "c"])
        #expect(asked.withLock { $0 } == 9)
        await holdfast.close()
    }

    @Test(
        "leaves out a key that is not UTF-8, which is no lock that anybody could name", arguments: Backend.all
    )
    func foreignKeys(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let key = Array("\(holdfast.core.keys.prefix):{caf".utf8) + [0xE9] + Array("}:lock".utf8)
            try await holdfast.redis("SET", .bytes(key), "token")
            try await holdfast.redis("SET", .string(holdfast.core.keys.lock("caf\u{FFFD}")), "token")
            #expect(try await holdfast.locks().map(\.name) == ["caf\u{FFFD}"])
            try await holdfast.redis("DEL", .bytes(key), .string(holdfast.core.keys.lock("caf\u{FFFD}")))
        }
    }

    @Test(
        "tells a holder by its bytes, and takes the lock from it by them", arguments: Backend.all)
    func foreignTokens(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let key = try holdfast.core.keys.lock("a")
            for token in [[0xFF, 0x00, 0xE9], [0xE9], Array("cafe\u{301}\n".utf8), []] as [[UInt8]] {
                try await holdfast.redis("SET", .string(key), .bytes(token))
                #expect(try await !holdfast.forceRelease("a", token: [0xEF, 0xBF, 0xBD]))
                let lock = try #require(try await holdfast.lockStatus("a"))
                #expect(try await holdfast.forceRelease(lock))
                #expect(try await holdfast.lockStatus("a") == nil)
                #expect(try await !holdfast.forceRelease(lock))
            }
        }
    }

    @Test("are listed also where the registry of instances is something else")
    func foreignRegistry() async throws {
        try await withPrivateRedisServer { server in
            let holdfast = try client(of: server)
            let lease = try await holdfast.acquire("a")
            let other = try client(of: server)
            try await other.redis("DEL", "t:{instances}")
            try await other.redis("SET", "t:{instances}", "x")
            let names = try await other.locks().map(\.name)
            #expect(names == ["a"])
            try await other.redis("DEL", "t:{instances}")
            try await lease.release()
            await other.close()
            await holdfast.close()
        }
    }
}

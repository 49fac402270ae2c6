import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

@Suite("A fenced value")
struct FencedValueTests {
    func fence(_ value: Int64) -> FencingToken { FencingToken(rawValue: value) }

    @Test(
        "takes writes under the same or a higher fence, and refuses lower ones without a change",
        arguments: Backend.all)
    func order(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            #expect(try await holdfast.fencedRead("a") == nil)
            func write(_ text: String, _ fence: Int64) async throws -> FencedWrite {
                try await holdfast.fencedWrite("a", Array(text.utf8), fence: self.fence(fence))
            }
            #expect(try await write("first", 9) == .accepted)
            #expect(try await write("again", 9) == .accepted)
            // As a string, 10 is lower than 9.
            #expect(try await write("second", 10) == .accepted)
            #expect(try await write("late", 9) == .refused(highest: fence(10)))
            let value = try #require(try await holdfast.fencedRead("a"))
            #expect(value.string == "second")
            #expect(value.fencingToken == fence(10))
        }
    }

    @Test(
        "compares fences over their whole range, and refuses negative ones before Redis is asked",
        arguments: Backend.all)
    func range(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            // 2⁵³ and its successor are one number to Lua.
            for raw: Int64 in [0, 1, 1_795_369_741_502_040, 1 << 53, (1 << 53) + 1, .max] {
                #expect(try await holdfast.fencedWrite("a", [], fence: fence(raw)) == .accepted)
                guard raw > 0 else { continue }
                let lower = try await holdfast.fencedWrite("a", [1], fence: fence(raw - 1))
                #expect(lower == .refused(highest: fence(raw)))
            }
            let error = await #expect(throws: HoldfastError.self) {
                _ = try await holdfast.fencedWrite("a", [], fence: fence(-1))
            }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test(
        "keeps any bytes, in keys that other clients can read, and no key but those of docs/keys.md",
        arguments: Backend.all)
    func bytes(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bytes = (0...255).map(UInt8.init)
            _ = try await holdfast.fencedWrite("a b", bytes, fence: fence(7))
            #expect(try await holdfast.fencedRead("a b")?.bytes == bytes)
            #expect(try await holdfast.redis("GET", "t:{a%20b}:value").bytes == bytes)
            #expect(try await holdfast.redis("GET", "t:{a%20b}:guard").integer == 7)
            #expect(try await holdfast.redis("KEYS", "t:{*").array?.count == 2)
        }
    }

    @Test("keeps its guard as long as the value: for the lifetime, or for ever", arguments: Backend.all)
    func lifetime(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            func left(_ part: String) async throws -> Int64 {
                try #require(try await holdfast.redis("PTTL", .string("t:{a}:\(part)")).integer)
            }
            _ = try await holdfast.fencedWrite("a", [], fence: fence(7), lifetime: .seconds(60))
            #expect(try await (1...60_000).contains(left("value")))
            #expect(try await (1...60_000).contains(left("guard")))
            _ = try await holdfast.fencedWrite("a", [], fence: fence(7))
            #expect(try await left("value") == -1)
            #expect(try await left("guard") == -1)
            let error = await #expect(throws: HoldfastError.self) {
                _ = try await holdfast.fencedWrite("a", [], fence: fence(7), lifetime: .zero)
            }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test("is not written when its guard is no fence or of another type", arguments: ["x", "1e3", "-1", ""])
    func foreignGuard(text: String) async throws {
        try await withHoldfast { holdfast, _ in
            try await holdfast.redis("SET", "t:{a}:guard", .string(text))
            try await holdfast.redis("RPUSH", "t:{b}:guard", "x")
            for resource in ["a", "b"] {
                let error = await #expect(throws: HoldfastError.self) {
                    _ = try await holdfast.fencedWrite(resource, [1], fence: fence(7))
                }
                #expect(error?.code == .refused)
                if resource == "a" {
                    #expect(error?.message.contains("t:{a}:guard has a form") == true)
                }
                #expect(try await holdfast.redis("EXISTS", .string("t:{\(resource)}:value")).integer == 0)
            }
        }
    }

    @Test(
        "keeps out a holder that was paused past its lease, from its successor's first write on",
        arguments: Backend.all)
    func pausedHolder(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, server in
            let second = try client(of: server)
            let paused = try await first.acquire("a")
            // Its key is gone, and it does not know.
            try await first.redis("DEL", "t:{a}:lock")
            let successor = try await second.acquire("a")
            let early = try await first.fencedWrite("a", [1], fence: paused.fencingToken)
            #expect(early == .accepted)
            let fence = try successor.fencingToken
            #expect(try await second.fencedWrite("a", [2], fence: fence) == .accepted)
            let late = try await first.fencedWrite("a", [1], fence: paused.fencingToken)
            #expect(late == .refused(highest: fence))
            #expect(try await first.fencedRead("a") == FencedValue(bytes: [2], fencingToken: fence))
            try await successor.release()
            await second.close()
        }
    }
}

import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// The lock "a" on a server. Waiters are called by their instance and a number: "a1" and "a2" are of one.
struct QueuedLock: Sendable {
    let holdfast: Holdfast
    let heard = Record<String>()
    /// The fences in what was heard.
    let fences = Record<Int64>()

    private static func instance(_ name: some StringProtocol) -> String {
        String(repeating: String(name.prefix(1)), count: 16)
    }

    static func token(_ name: some StringProtocol) -> String {
        "\(instance(name)):\(String(repeating: "0", count: 31))\(name.suffix(1))"
    }

    private static func name(_ token: String) -> String { "\(token.prefix(1))\(token.suffix(1))" }

    /// As one who is granted it and has to confirm.
    func own(_ name: String) async throws {
        try await holdfast.redis("SET", "t:{a}:lock", .string(Self.token(name)), "PX", "3000")
    }

    /// Who waits, first come first; a minus in front: it was granted the lock and has not confirmed.
    func queue(_ names: String...) async throws {
        for (index, name) in names.enumerated() {
            let isGranted = name.hasPrefix("-")
            let score = Int64(100 + index) * (isGranted ? -1 : 1)
            let token = Self.token(isGranted ? name.dropFirst() : name[...])
            try await holdfast.redis("ZADD", "t:{a}:waiters", .integer(score), .string(token))
        }
        try await holdfast.redis("PEXPIRE", "t:{a}:waiters", "60000")
    }

    func expect(
        owner: String?, queue: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let token = try await holdfast.redis("GET", "t:{a}:lock").string
        #expect(token.map(Self.name) == owner, sourceLocation: sourceLocation)
        let parts = try await holdfast.redis("ZRANGE", "t:{a}:waiters", "0", "-1", "WITHSCORES").array ?? []
        let waiters = stride(from: 1, to: parts.count, by: 2).map { index in
            let isGranted = parts[index].string?.hasPrefix("-") == true
            return (isGranted ? "-" : "") + Self.name(parts[index - 1].string ?? "")
        }
        #expect(waiters == queue, sourceLocation: sourceLocation)
    }

    func remaining(_ part: String) async throws -> Int64 {
        try await holdfast.redis("PTTL", .string("t:{a}:\(part)")).integer ?? -3
    }

    func fence() async throws -> Int64 {
        let entry = try await holdfast.redis("GET", "t:{a}:fence").string
        return try #require(Int64(entry?.prefix(16) ?? ""))
    }

    /// Somebody hears of grants to the instance.
    func listen(_ name: String) async throws -> RedisSubscription {
        let channel = "t:wake:\(Self.instance(name))"
        let subscription = try holdfast.core.link.subscribe(channel) { [heard, fences] message in
            let words = String(decoding: message, as: UTF8.self).split(separator: " ")
            if let token = words.first { heard.add(Self.name(String(token))) }
            if words.count == 2, let fence = Int64(words[1]) { fences.add(fence) }
        }
        let isHeard = try await eventually {
            try await holdfast.redis("PUBSUB", "NUMSUB", .string(channel)).array?.last?.integer == 1
        }
        #expect(isHeard)
        return subscription
    }

    /// What acquire.lua says.
    func answer(_ name: String, _ mode: LeaseClaim.Mode) async throws -> RedisReply {
        try await holdfast.core.link.evaluate(
            Scripts.acquire, keys: ["t:{a}:lock", "t:{a}:fence", "t:{a}:waiters"],
            arguments: [
                .string(Self.token(name)), "30000", "60000", .string(mode.rawValue), "3000", "t:wake:",
            ])
    }

    /// Whether it is granted.
    func acquire(_ name: String, _ mode: LeaseClaim.Mode) async throws -> Bool {
        try await answer(name, mode).isYes
    }

    func confirm(_ name: String) async throws -> Bool {
        try await holdfast.core.link.evaluate(
            Scripts.renew, keys: ["t:{a}:lock", "t:{a}:waiters"],
            arguments: [.string(Self.token(name)), "30000"]
        ).isYes
    }

    func release(_ name: String) async throws -> Bool { try await end(name, Scripts.release) }
    func leave(_ name: String) async throws -> Bool { try await end(name, Scripts.leave) }

    private func end(_ name: String, _ script: RedisScript) async throws -> Bool {
        try await holdfast.core.link.evaluate(
            script, keys: ["t:{a}:lock", "t:{a}:fence", "t:{a}:waiters"],
            arguments: [.string(Self.token(name)), "3000", "t:wake:", "60000"]
        ).isYes
    }
}

/// Has `client` wait once, after which it hears of grants.
func listen(_ client: Holdfast, beside other: Holdfast) async throws {
    let lease = try #require(try await other.tryAcquire("warm").lease)
    let waiter = Task { try await client.acquire("warm") }
    let isQueued = try await eventually {
        try await other.redis("ZCARD", "t:{warm}:waiters").integer == 1
    }
    #expect(isQueued)
    try await lease.release()
    try await waiter.value.release()
}

import Foundation
import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// Calls a queue's scripts as consumers do, or broken variants of them.
struct QueueBench {
    let holdfast: Holdfast
    let keys: QueueKeys
    var claimScript = Scripts.claim
    var settleScript = Scripts.settle

    init(_ holdfast: Holdfast, _ queue: String = "q") throws {
        self.holdfast = holdfast
        keys = try QueueKeys(queue, in: holdfast.core.keys)
    }

    func enqueue(_ ids: String...) async throws -> [SendOutcome] {
        let store = try holdfast.store(ofQueue: keys.name)
        return try await store.enqueue(ids.map { ($0, Array("\"\($0)\"".utf8)) }, type: "String")
    }

    /// A message as any client would add it.
    func add(_ fields: String...) async throws -> String {
        try #require(
            try await holdfast.core.link.send(
                RedisCommand(["XADD", .string(keys.stream), "*"] + fields.map(RedisArgument.string))
            ).value.string)
    }

    func claim(
        _ count: Int = 100, lease: Duration = .seconds(60), attempts: Int = 5, limit: Int = 0,
        takeOvers: Int = 1000, letters: Int = 1000
    ) async throws -> MessageClaim.Batch {
        let token = MessageClaim.newToken(of: holdfast.core.instance.id)
        let reply = try await holdfast.core.link.evaluate(
            claimScript, keys: keys.forClaiming,
            arguments: [
                .string(QueueKeys.group), .string(token), .init(milliseconds: lease), .init(count),
                .init(attempts), .init(limit), .init(takeOvers), .init(letters), "60000",
            ], check: .acquiring(token))
        return try #require(MessageClaim.Batch(reply, token: token, lease: lease))
    }

    /// Claims until something comes: the lease of another claim has to end first.
    func takeOver(attempts: Int = 5) async throws -> [MessageClaim] {
        var claims: [MessageClaim] = []
        _ = try await eventually {
            claims = try await claim(attempts: attempts).claims
            return !claims.isEmpty
        }
        return claims
    }

    /// Whatever waits for its time has waited long enough.
    func makeDue() async throws { try await set(keys.waiting) }

    /// The claims are over.
    func expireClaims() async throws { try await set(keys.expiry) }

    /// All instants in the sorted set to one that is long over.
    private func set(_ key: String) async throws {
        for member in try await holdfast.redis("ZRANGE", .string(key), "0", "-1").array ?? [] {
            try await holdfast.redis("ZADD", .string(key), "1", .string(member.string ?? ""))
        }
    }

    func settle(
        _ settlements: [(MessageClaim, Settlement.Verdict)], retention: Duration = .seconds(60),
        letters: Int = 1000, limit: Int? = nil
    ) async throws -> [String] {
        var options = ConsumerOptions()
        options.retention = retention
        options.deadLetters = letters
        options.totalConcurrency = limit
        let call = ScriptCall.settle(
            settlements.map { Settlement(claim: $0, verdict: $1) }, queue: keys, options: options)
        let reply = try await holdfast.core.link.evaluate(
            settleScript, keys: call.keys, arguments: call.arguments, check: call.check)
        return (reply.value.array?.dropFirst() ?? []).map { $0.string ?? "-" }
    }

    func renew(_ claims: [MessageClaim], lease: Duration) async throws -> [Int64?] {
        let reply = try await holdfast.core.link.evaluate(
            Scripts.renewClaims, keys: keys.forRenewing,
            arguments: [.init(milliseconds: lease), "7"]
                + claims.flatMap { [RedisArgument.string($0.entry), .string($0.owner)] })
        return (reply.value.array?.dropFirst() ?? []).map(\.integer)
    }

    func status() async throws -> QueueStatus { try await holdfast.store(ofQueue: keys.name).status() }

    func effect(_ name: String) -> RedisArgument { .string(keys.effect(name)) }

    /// The dead letters, each as a dictionary of its fields.
    func deadLetters() async throws -> [[String: String]] {
        let entries = try await holdfast.redis("XRANGE", .string(keys.dead), "-", "+").array ?? []
        return entries.map { entry in
            let fields = entry.array?[1].array?.compactMap(\.string) ?? []
            return Dictionary(
                uniqueKeysWithValues: stride(from: 0, to: fields.count, by: 2).map {
                    (fields[$0], fields[$0 + 1])
                })
        }
    }
}

extension QueueStatus {
    /// Nothing is left to handle.
    var isDrained: Bool { ready + inFlight + delayed == 0 }
}

extension MessageQueue {
    /// Waits until nothing is left to handle; false if that does not come.
    func isDrained(within limit: Duration = .seconds(60)) async throws -> Bool {
        try await eventually(within: limit) { try await status().isDrained }
    }
}

extension Settlement.Verdict {
    static var commit: Settlement.Verdict { .commit(Effects()) }

    static func commit(_ record: (inout Effects) -> Void) -> Settlement.Verdict {
        var effects = Effects()
        record(&effects)
        return .commit(effects)
    }
}

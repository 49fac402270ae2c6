import Foundation
import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

/// The keys that docs/keys.md lists, and what is left of them when a test is over.
enum DocumentedKeys {
    /// One pattern for each key of the tables, for the namespace `t`.
    static let patterns: [String] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/keys.md").standardizedFileURL
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.flatMap { row in
            row.split(separator: "|")[0].split(separator: "`").filter { $0.contains(":") }.map(pattern)
        }
    }()

    private static func pattern(_ key: Substring) -> String {
        // What stands for the name's keys in the tables of workers has no tag of its own there.
        var key = key.replacing("…:{", with: "t:{").replacing("…", with: "t:{worker/}")
        key = key.replacing("<namespace>", with: "t")
        key = key.replacing(/<[a-z]+>/, with: ".+")
        guard !key.contains("{instances}") else { return "^\(key.replacing(/[{}]/) { "\\\($0.output)" })$" }
        key = key.replacing("{worker/}", with: "\\{worker/[^{}]+\\}")
        // What stands behind the first slash of a queue's name is not in its tag.
        key = key.replacing("{queue}", with: "\\{[^{}]+\\}(/[^{}]+)?")
        return "^\(key.replacing(/\{[a-z]+\}/, with: "\\{[^{}]+\\}"))$"
    }

    /// What is gone or expiring as soon as nobody works with it, wherever it is found.
    private static var passing: some RegexComponent {
        /:(lock|waiters|fence|once:.*|once-fence|\{instances\}|\{instances\}:beats)$/
    }

    /// Nothing is left that is not listed, or that stays although its time is stated.
    static func expectAllKnown(_ server: PrivateRedisServer) async throws {
        try await expectAllKnown(by: client(of: server))
    }

    /// - Parameter client: is closed then.
    static func expectAllKnown(by client: Holdfast) async throws {
        do {
            for key in try await client.redis("KEYS", "t:*").array?.compactMap(\.string) ?? [] {
                #expect(isListed(key), "docs/keys.md does not list \(key)")
                guard key.contains(passing) else { continue }
                let lifetime = try await client.redis("PTTL", .string(key)).integer ?? 0
                // Gone meanwhile, or written by the test in the place of ours.
                if lifetime == -1, try await isOurs(key, client) {
                    Issue.record("\(key) is left for ever")
                }
            }
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    static func isListed(_ key: String) -> Bool {
        patterns.contains { key.range(of: $0, options: .regularExpression) != nil }
    }

    private static func isOurs(_ key: String, _ client: Holdfast) async throws -> Bool {
        switch try await client.redis("TYPE", .string(key)).string {
        case "zset": return true
        case "hash": return key.contains("{instances}")
        case "string":
            let value = try await client.redis("GET", .string(key)).string ?? ""
            return value.contains(/[0-9a-f]{16}:[0-9a-f]{32}/)
        default: return false
        }
    }
}

@Suite("The keys of docs/keys.md")
struct DocumentedKeysTests {
    @Test("are read from its tables, each with its tag")
    func patterns() {
        #expect(DocumentedKeys.patterns.count > 20)
        for key in [
            "t:{a}:lock", "t:{a b}:fence", "t:{a}:waiters", "t:{worker/w}:worker", "t:{worker/w}:lock-2",
            "t:{q}:stream", "t:{q}:stream-high", "t:{q}/a b:ledger", "t:{q}:effect:any:thing",
            "t:{s}:once:id", "t:queues", "t:{instances}", "t:{instances}:beats",
        ] {
            #expect(DocumentedKeys.isListed(key), "\(key)")
        }
        for key in [
            "t:a:lock", "t:{a}:other", "u:{a}:lock", "t:{q}:cursor", "t:{a}:lock:more", "t:{a}{b}:lock",
            "t:{a}/b:lock",
        ] {
            #expect(!DocumentedKeys.isListed(key), "\(key)")
        }
    }
}

import Foundation
import Holdfast
import HoldfastTesting
import Logging
import Processes
import Synchronization
import TestSupport
import Testing

/// Messages that redis-cli adds, by the command of docs/keys.md and by mistake, beside those of this library.
@Suite struct PlainClientTests {
    private struct Order: Codable {
        var number: Int
        var cents: Int
    }

    private struct Letters: Decodable {
        struct Letter: Decodable {
            var letter: String
            var id: String
            var reason: String
            var attempts: Int
        }

        var deadLetters: [Letter]
    }

    /// What was handled, by the id and the order's number.
    private final class Handlings: Sendable {
        private let orders = Mutex<[String: Int]>([:])

        func add(_ id: String, _ number: Int) { orders.withLock { $0[id, default: 0] += number } }
        var all: [String: Int] { orders.withLock { $0 } }
    }

    private static let stream = "holdfast:{orders}:stream"
    private static let seven = #"{"number":7,"cents":1}"#

    /// Runs a consumer of the queue `orders`, which tries each message twice.
    private static func withConsumer(
        _ body: (PrivateRedisServer, Handlings, MessageQueue<Order>) async throws -> Void
    ) async throws {
        try await withPrivateRedisServer { server in
            let holdfast = try Holdfast(
                redis: server.url, logger: .quiet)
            let handled = Handlings()
            let orders = holdfast.queue("orders", of: Order.self)
            var options = ConsumerOptions()
            options.retry = RetryPolicy(attempts: 2, first: .milliseconds(1))
            holdfast.handle(orders, options: options) { order, delivery in
                handled.add(delivery.id, order.number)
                return .commit
            }
            let run = Task { try await holdfast.run() }
            do {
                try await body(server, handled, orders)
            } catch {
                run.cancel()
                throw error
            }
            run.cancel()
            _ = try await run.value
        }
    }

    private static func isSettled(_ queue: MessageQueue<Order>) async throws -> Bool {
        try await eventually {
            let stats = try await queue.status()
            return stats.ready + stats.inFlight + stats.delayed == 0
        }
    }

    private static func letters(_ server: PrivateRedisServer) async throws -> [Letters.Letter] {
        let listed: Letters = try await Tool.run(
            "queues", "dead", "ls", "orders", "--json", server: server.url
        ).json()
        return listed.deadLetters
    }

    @Test func `The documented command adds a message, once by its id, and wakes the consumer if told to`()
        async throws
    {
        try await Self.withConsumer { server, handled, orders in
            for _ in 0..<2 {
                try await redisCLI(server, "XADD", Self.stream, "*", "id", "o-7", "body", Self.seven)
                try await redisCLI(server, "PUBLISH", "holdfast:{orders}:wake", "")
                #expect(await eventually { handled.all["o-7"] == 7 })
                #expect(try await Self.isSettled(orders))
            }
            try await redisCLI(server, "XADD", "holdfast:{orders}:stream-high", "*", "body", Self.seven)
            #expect(await eventually { handled.all.count == 2 })
            #expect(try await orders.send(Order(number: 7, cents: 1), id: "o-7") == .duplicate)
            #expect(try await Self.isSettled(orders))
            #expect(handled.all["o-7"] == 7)
            #expect(try await Self.letters(server).isEmpty)
        }
    }

    @Test func `What cannot be read goes to the dead letters with a reason that says why; nothing is lost`()
        async throws
    {
        try await Self.withConsumer { server, handled, orders in
            func add(_ fields: String...) async throws {
                let words = fields.map { "\"\($0)\"" }.joined(separator: " ")
                try await withFile("XADD \(Self.stream) * \(words)\n") {
                    try await redisCLI(server, input: $0)
                }
            }
            let quoted = Self.seven.replacing("\"", with: "\\\"")
            try await add("id", "", "body", quoted)
            try await add("id", "", "body", quoted, "key", "")
            try await add("id", "soon", "body", quoted, "due", "soon")
            try await add("id", "twice", "body", "no JSON", "body", quoted)
            try await add("id", "typed", "body", quoted, "type", "\\xff@@-1")
            #expect(await eventually { handled.all.count == 5 })
            #expect(handled.all.values.allSatisfy { $0 == 7 }, "\(handled.all)")

            let long = String(repeating: "x", count: 513)
            try await add("foo", "bar")
            try await add("id", "none", "body", "")
            try await add("id", "text", "body", "no JSON")
            try await add("id", "part", "body", "{\\\"number\\\":7}")
            try await add("id", "kind", "body", "{\\\"number\\\":\\\"7\\\",\\\"cents\\\":1}")
            try await add("id", "bytes", "body", "\\xff\\x00")
            try await add("id", "\\xff", "body", quoted)
            try await add("id", long, "body", quoted)
            #expect(try await eventually { try await orders.status().dead == 8 })
            var reasons: [String: String] = [:]
            for letter in try await Self.letters(server) { reasons[letter.id] = letter.reason }
            for (id, reason) in [
                ("none", "its body cannot be read as Order: it has none"),
                ("text", "its body cannot be read as Order: The given data was not valid JSON"),
                ("part", "its body cannot be read as Order: the key cents is missing"),
                ("kind", "its body cannot be read as Order: at number: not a value of Int"),
                ("bytes", "its body cannot be read as Order"), ("\u{FFFD}", "its id is no UTF-8"),
                (long, "its id has 513 bytes, which is more than 512"),
            ] {
                #expect(reasons[id]?.hasPrefix(reason) == true, "\(id): \(reasons[id] ?? "-")")
            }
            #expect(reasons.values.contains("its body cannot be read as Order: it has none"))
            #expect(handled.all.count == 5)
            let all = try await Tool.run("queues", "dead", "replay", "orders", "--all", server: server.url)
            #expect(all.output == "8 messages put back into orders\n")
            #expect(try await eventually { try await orders.status().dead == 8 }, "and they are dead again")
        }
    }

    @Test func `Huge bodies and very many fields do not keep other messages from being handled`() async throws
    {
        try await Self.withConsumer { server, handled, orders in
            try await withFile(String(repeating: "x", count: 40 << 20)) { file in
                for id in ["huge-1", "huge-2"] {
                    try await redisCLI(server, "-x", "XADD", Self.stream, "*", "id", id, "body", input: file)
                }
            }
            let note = String(repeating: "x", count: 1 << 20)
            try await withFile(#"{"number":7,"cents":1,"note":"\#(note)"}"#) { file in
                for number in 0..<20 {
                    try await redisCLI(
                        server, "-x", "XADD", Self.stream, "*", "id", "\(number)", "body", input: file)
                }
            }
            let fields = (0..<9000).map { "f\($0) v\($0)" }.joined(separator: " ")
            try await withFile("XADD \(Self.stream) * id many \(fields) body nonsense\n") {
                try await redisCLI(server, input: $0)
            }
            try await orders.send(Order(number: 1, cents: 1), id: "last")
            #expect(try await eventually(within: .seconds(60)) { try await orders.status().dead == 3 })
            #expect(await eventually { handled.all.count == 21 })
            let letters = try await Self.letters(server)
            #expect(Set(letters.map(\.id)) == ["huge-1", "huge-2", "many"])
            #expect(
                letters.filter { $0.id != "many" }.allSatisfy { $0.reason.hasPrefix("it has 41943046 bytes") }
            )
            let shown = try await Tool.run("messages", "show", "huge-2", server: server.url)
            #expect(shown.status == 0 && shown.output.contains("dead-lettered"))
        }
    }

    @Test func `A key of another type holds the messages up, says so, and loses none`() async throws {
        try await Self.withConsumer { server, handled, orders in
            for (round, part) in ["claims", "ledger", "due", "paused", "queue-fence"].enumerated() {
                let key = "holdfast:{orders}:\(part)"
                try await redisCLI(server, "DEL", key)
                try await redisCLI(server, "RPUSH", key, "x")
                try await redisCLI(server, "XADD", Self.stream, "*", "id", "\(round)", "body", Self.seven)
                try await redisCLI(server, "PUBLISH", "holdfast:{orders}:wake", "")
                let listed = try await Tool.run("queues", "ls", server: server.url)
                #expect(listed.status == 0)
                if part == "claims" {
                    #expect(listed.error.contains("WRONGTYPE"), "the queue is not just left out")
                    let shown = try await Tool.run("queues", "show", "orders", server: server.url)
                    #expect(shown.status == 1 && shown.error.contains("WRONGTYPE"))
                }
                #expect(handled.all["\(round)"] == nil)
                try await redisCLI(server, "DEL", key)
                #expect(await eventually { handled.all["\(round)"] == 7 })
                #expect(try await Self.isSettled(orders))
            }
            #expect(try await orders.status().dead == 0)
        }
    }
}

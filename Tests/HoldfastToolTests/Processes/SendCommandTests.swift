import Foundation
import HoldfastSimulation
import HoldfastTesting
import Testing

/// `holdfast send` and `holdfast queues`, as real processes.
@Suite struct SendCommandTests {
    private struct Report: Decodable, Equatable {
        var queue: String
        var messages: Int
        var enqueued: Int
        var duplicates: Int
        var failedAtLine: Int?
    }

    private struct Queue: Decodable, Equatable {
        var name: String
        var ready: Int
        var inFlight: Int
        var retrying: Int
        var dead: Int
    }

    private static func queues(_ server: PrivateRedisServer) async throws -> [Queue] {
        let listed: [String: [Queue]] = try await Tool.run("queues", "ls", "--json", server: server.url)
            .json()
        return try #require(listed["queues"])
    }

    @Test func `Lines become messages, and a line sent twice under its id is one message`() async throws {
        try await withPrivateRedisServer { server in
            let lines = (0..<1200).map { #"{"key":"k\#($0)","n":\#($0)}"# }.joined(separator: "\n")
            try await withFile(lines) { file in
                let first = try await Tool.run(
                    "send", "orders", file, "--id-field", "key", "--json", server: server.url)
                #expect(first.status == 0)
                #expect(
                    try first.json() == Report(queue: "orders", messages: 1200, enqueued: 1200, duplicates: 0)
                )
                let second = try await Tool.run(
                    "send", "orders", "--id-field", "key", server: server.url, input: file)
                #expect(second.output == "1200 messages sent to orders: 0 enqueued, 1200 duplicates\n")
            }
            #expect(
                try await Self.queues(server) == [
                    Queue(name: "orders", ready: 1200, inFlight: 0, retrying: 0, dead: 0)
                ])
            let table = try await Tool.run("queues", "ls", server: server.url).output
            #expect(table.split(separator: "\n").last?.hasPrefix("orders   1200") == true)
        }
    }

    @Test func `Without an id field every line is a message of its own`() async throws {
        try await withPrivateRedisServer { server in
            try await withFile("1\n\n1\n\"text\"") { file in
                let report: Report = try await Tool.run("send", "q", file, "--json", server: server.url)
                    .json()
                #expect(report == Report(queue: "q", messages: 3, enqueued: 3, duplicates: 0))
            }
        }
    }

    @Test func `A bad line is told by its number; all before it were sent, none after it`() async throws {
        try await withPrivateRedisServer { server in
            try await withFile("{\"id\":1}\n{\"id\":2}\nnonsense\n{\"id\":4}\n") { file in
                let outcome = try await Tool.run(
                    "send", "q", file, "--id-field", "id", "--json", server: server.url)
                #expect(outcome.status == 65)
                #expect(outcome.error.contains("line 3: not one JSON value"))
                #expect(
                    try outcome.json()
                        == Report(queue: "q", messages: 2, enqueued: 2, duplicates: 0, failedAtLine: 3))
            }
            #expect(try await Self.queues(server).map(\.ready) == [2])
            try await withFile("{\"id\":1}\n{\"ident\":2}\n") { file in
                let outcome = try await Tool.run("send", "q", file, "--id-field", "id", server: server.url)
                #expect(outcome.status == 65)
                #expect(outcome.error.contains("line 2: no text or whole number in the field \"id\""))
                #expect(outcome.output == "1 message sent to q: 0 enqueued, 1 duplicate\n")
            }
        }
    }

    @Test func `A line that is too long is told by its number`() async throws {
        try await withPrivateRedisServer { server in
            try await withFile("1\n\"" + String(repeating: "x", count: 33 << 20) + "\"\n2\n") { file in
                let outcome = try await Tool.run("send", "q", file, server: server.url)
                #expect(outcome.status == 65)
                #expect(outcome.error.contains("line 2"))
                #expect(outcome.output == "1 message sent to q: 1 enqueued, 0 duplicates\n")
            }
        }
    }

    @Test func `A file that is not there and a server that is not there are told`() async throws {
        for file in ["/no/such/file", "/tmp"] {
            let outcome = try await withPrivateRedisServer {
                try await Tool.run("send", "q", file, server: $0.url)
            }
            #expect(outcome.status == 65)
            #expect(outcome.error.contains("can't be read: "))
            #expect(!outcome.error.contains("NSCocoaErrorDomain"), "\(outcome.error)")
        }
        try await withFile("1\n") { file in
            let outcome = try await Tool.run("send", "q", file, "--redis", "redis+unix:///nowhere.sock")
            #expect(outcome.status == 69)
            #expect(outcome.output == "0 messages sent to q: 0 enqueued, 0 duplicates\n")
        }
    }
}

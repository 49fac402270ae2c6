import Foundation
import HoldfastTesting
import Processes
import TestSupport
import Testing

/// `holdfast send` and `holdfast queues`, as real processes.
@Suite struct SendCommandTests {
    private struct Report: Decodable, Equatable {
        var queue: String
        var messages: Int
        var enqueued: Int
        var duplicates: Int
        var failedAtLine: Int?
        var nextLine: Int?
    }

    private struct Queue: Decodable, Equatable {
        var name: String
        var ready: Int
        var inFlight: Int
        var delayed: Int
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
                    Queue(name: "orders", ready: 1200, inFlight: 0, delayed: 0, dead: 0)
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
                        == Report(
                            queue: "q", messages: 2, enqueued: 2, duplicates: 0, failedAtLine: 3, nextLine: 3)
                )
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

    @Test func `An input without line ends is refused before it fills the memory`() async throws {
        try await withPrivateRedisServer { server in
            let outcome = try await Tool.run(
                "send", "q", server: server.url,
                wrapper: ["sh", "-c", "tr '\\0' 1 </dev/zero | \"$@\"", "sh"])
            #expect(outcome.status == 65)
            #expect(outcome.error.contains("line 1: more than "), "\(outcome.error)")
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

    /// A pipe from this process to the standard input of `send q`, which the body may write to and end.
    private static func withPipe(
        _ body: (PrivateRedisServer, Tool, FileHandle) async throws -> Void
    ) async throws {
        try await withPrivateRedisServer { server in
            let path = FileManager.default.temporaryDirectory.appending(path: "pipe-\(UUID().uuidString)")
                .path
            try #require(mkfifo(path, 0o600) == 0)
            defer { unlink(path) }
            // For reading, too: nobody waits for the other end.
            let descriptor = open(path, O_RDWR | O_CLOEXEC)
            try #require(descriptor >= 0)
            let pipe = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            let tool = try Tool(["send", "q", "--json"], server: server.url, input: path)
            try await body(server, tool, pipe)
        }
    }

    private static func has(_ count: Int, in server: PrivateRedisServer) async throws -> Bool {
        try await eventually {
            let shown: Queue = try await Tool.run("queues", "show", "q", "--json", server: server.url).json()
            return shown.ready == count
        }
    }

    @Test func `What has come through a pipe is sent, though the pipe goes on`() async throws {
        try await Self.withPipe { server, tool, pipe in
            try pipe.write(contentsOf: Data("1\n2\n3".utf8))
            #expect(try await Self.has(2, in: server))
            try pipe.write(contentsOf: Data("\n".utf8))
            #expect(try await Self.has(3, in: server))
            try pipe.write(contentsOf: Data("4".utf8))
            try pipe.close()
            let outcome = await tool.end()
            #expect(
                outcome.status == 0 && outcome.error.contains("nobody has used a queue q "),
                "\(outcome.error)")
            #expect(try outcome.json() == Report(queue: "q", messages: 4, enqueued: 4, duplicates: 0))
        }
    }

    @Test func `A signal ends the sending, which tells the line to go on at`() async throws {
        try await Self.withPipe { server, tool, pipe in
            try pipe.write(contentsOf: Data("1\n\n2\n3".utf8))
            #expect(try await Self.has(2, in: server))
            tool.child.signalGroup(SIGTERM)
            let outcome = await tool.end()
            #expect(outcome.status == 128 + SIGTERM)
            #expect(outcome.error.hasSuffix("holdfast: ended by a signal: nothing was sent from line 4 on\n"))
            #expect(
                try outcome.json()
                    == Report(queue: "q", messages: 2, enqueued: 2, duplicates: 0, nextLine: 4))
            #expect(try await Self.has(2, in: server))
        }
    }

    @Test func `A second signal ends the sending at once, which tells what may have been sent`() async throws
    {
        try await Self.withPipe { server, tool, pipe in
            try pipe.write(contentsOf: Data("1\n".utf8))
            #expect(try await Self.has(1, in: server))
            try await server.pause()
            try pipe.write(contentsOf: Data("2\n3\n".utf8))
            // The first signal finds them read, or the pipe with them.
            tool.child.signalGroup(SIGTERM)
            tool.child.signalGroup(SIGINT)
            let outcome = await tool.end(within: .seconds(60))
            #expect([128 + SIGTERM, 128 + SIGINT].contains(outcome.status))
            #expect(outcome.error.contains("holdfast: ended by a signal: "), "\(outcome.error)")
            #expect(try outcome.json(Report.self).nextLine == 2)
            try await server.resume()
        }
    }

    @Test func `A line that the server does not take is told by its number`() async throws {
        try await withPrivateRedisServer { server in
            try await redisCLI(server, "CONFIG", "SET", "proto-max-bulk-len", "1mb")
            try await withFile("1\n2\n\"" + String(repeating: "x", count: 3 << 20) + "\"\n4\n") { file in
                let outcome = try await Tool.run("send", "q", file, "--json", server: server.url)
                #expect(outcome.status != 0)
                #expect(
                    outcome.error.contains("holdfast: line 3: sending to the queue q: "), "\(outcome.error)")
                #expect(
                    try outcome.json()
                        == Report(queue: "q", messages: 2, enqueued: 2, duplicates: 0, nextLine: 3))
            }
        }
    }

    @Test func `A file that is not UTF-8 is refused at its first line, and nothing of it is sent`()
        async throws
    {
        try await withPrivateRedisServer { server in
            let text = "{\"id\":1}\r\n{\"id\":2}\r\n"
            let path = FileManager.default.temporaryDirectory.appending(path: "file-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: path) }
            for encoding in [
                String.Encoding.utf16, .utf16LittleEndian, .utf16BigEndian, .utf32, .utf32LittleEndian,
            ] {
                try #require(text.data(using: encoding)).write(to: path)
                let outcome = try await Tool.run("send", "q", path.path, server: server.url)
                #expect(outcome.status == 65)
                #expect(outcome.error.contains("line 1: not UTF-8"), "\(encoding): \(outcome.error)")
                #expect(outcome.output == "0 messages sent to q: 0 enqueued, 0 duplicates\n")
            }
            try Data([UInt8]("\u{FEFF}".utf8) + Array(text.utf8)).write(to: path)
            let marked = try await Tool.run(
                "send", "q", path.path, "--id-field", "id", server: server.url)
            #expect(marked.output == "2 messages sent to q: 2 enqueued, 0 duplicates\n")
            let shown = try await Tool.run("messages", "show", "1", server: server.url)
            #expect(shown.output.contains("body    {\"id\":1}\n"))
        }
    }
}

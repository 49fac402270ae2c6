import Foundation
import HoldfastTesting
import RedisLink
import Synchronization
import Testing

#if os(Linux)
    /// Each runs in a process of its own, where nothing else opens files, starts threads or takes memory.
    @Suite("Leaks")
    struct LeakTests {
        @Test("links come and go, closed or dropped, and leave no descriptor and no thread")
        func links() async {
            await #expect(processExitsWith: .success) {
                let server = try FakeRedisServer()
                let before = try await Footprint.settled()
                for round in 0..<200 {
                    let link = try makeLink(server.url)
                    _ = try await link.send(["PING"])
                    let subscription = try link.subscribe("a") { _ in }
                    if round % 2 == 0 { await link.close() }
                    _ = subscription
                }
                try await before.returns()
            }
        }

        @Test("failed attempts, forced reconnects and timeouts leave no descriptor and no thread")
        func reconnects() async {
            await #expect(processExitsWith: .success) {
                for transport in Transport.allCases {
                    let server = try FakeRedisServer(transport) { command in
                        command.name == "END" ? [.reset] : command.name == "SLOW" ? [] : nil
                    }
                    let gone = try FakeRedisServer(transport)
                    gone.stop()
                    let before = try await Footprint.settled()
                    for _ in 0..<50 {
                        let refused = try makeLink(gone.url)
                        _ = try? await refused.connect()
                        _ = try? await refused.send(["PING"], timeout: .milliseconds(1))
                    }
                    let link = try makeLink(server.url)
                    for _ in 0..<100 {
                        _ = try? await link.send(["END"])
                        _ = try? await link.send(["SLOW"], timeout: .milliseconds(1))
                    }
                    await link.close()
                    try await before.returns()
                }
            }
        }

        @Test("connections over TLS, good, refused and lost, leave no descriptor, no thread and no memory")
        func tls() async {
            await #expect(processExitsWith: .success) {
                let files = try CertificateFiles()
                let other = try CertificateFiles(authority: "Another")
                let large = [UInt8](repeating: 1, count: 300_000)
                try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
                    func connect(times: Int) async throws {
                        for round in 0..<times {
                            let good = try makeLink(server.url(ca: files.ca))
                            _ = try await good.send(["SET", "a", .bytes(large)])
                            let id = try await good.send(["CLIENT", "ID"]).value.integer ?? 0
                            _ = try? await good.send(["CLIENT", "KILL", "ID", RedisArgument(id)])
                            try await eventually("it connects again") {
                                (try? await good.send(["GET", "a"])) != nil
                            }
                            if round % 2 == 0 { await good.close() }
                            let refused = try makeLink(server.url(ca: other.ca))
                            _ = try? await refused.connect()
                            await refused.close()
                        }
                    }
                    let before = try await Footprint.settled()
                    try await connect(times: 30)
                    let memory = try Footprint.peakMemory()
                    try await connect(times: 120)
                    let grown = try Footprint.peakMemory() - memory
                    #expect(grown < Footprint.allowed(8 << 20), "\(grown >> 10) KiB for 240 more connections")
                    try await before.returns()
                }
            }
        }

        @Test("a reply without end costs no more memory than is set, whatever it is made of")
        func memory() async {
            await #expect(processExitsWith: .success) {
                // Each goes on for 128 MiB.
                let most = 1 << 18
                let endless: [(begin: String, piece: String)] =
                    [
                        ("$536870912\r\n", "x"), ("+", "x"), ("-ERR ", "x"), (":", "1"), ("*2\r\n$", "0"),
                        ("*2147483647\r\n", ":1\r\n"), ("*200000\r\n*200000\r\n", ":1\r\n"),
                    ]
                    // As many elements as are allowed, the last of them without end.
                    + [":1\r\n", "$0\r\n\r\n", "*0\r\n"].map { element in
                        let elements = String(repeating: element, count: most - 1)
                        return ("*\(most)\r\n\(elements)$536870912\r\n", "x")
                    }
                let server = try FakeRedisServer { command in
                    guard command.name == "BAD", let index = Int(command.words[1]) else { return nil }
                    let (begin, piece) = endless[index]
                    let pieces = Array(String(repeating: piece, count: (128 << 10) / piece.utf8.count).utf8)
                    return [.reply(Array(begin.utf8))] + (0..<1024).map { _ in .reply(pieces) }
                }
                let link = try makeLink(server.url) { $0.maximumReplyBytes = 16 << 20 }
                try await expectInStep(link)
                let before = try Footprint.peakMemory()
                for index in endless.indices {
                    let error = await failure { try await link.send(["BAD", RedisArgument(index)]) }
                    #expect(error?.code == .protocolViolation, "reply \(index)")
                    try await expectInStep(link)
                    let grown = try Footprint.peakMemory() - before
                    #expect(grown < Footprint.allowed(64 << 20), "\(grown >> 20) MiB after reply \(index)")
                }
                await link.close()
            }
        }

        @Test("a thousand cancelled and timed-out commands are forgotten when their replies have come")
        func tasks() async {
            await #expect(processExitsWith: .success) {
                let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
                let link = try makeLink(server.url)
                try await link.connect()
                let tokens = Tokens()
                for _ in 0..<1000 {
                    let token = Token(tokens)
                    let task = Task {
                        _ = try? await link.send(["SLOW"])
                        _ = token
                    }
                    task.cancel()
                    await task.value
                }
                try await eventually("nothing holds on to a cancelled task") {
                    tokens.alive.load(ordering: .acquiring) == 0
                }
                await link.close()
            }
        }
    }

    /// Counts its ``Token``s.
    private final class Tokens: Sendable {
        let alive = Atomic<Int>(0)
    }

    private final class Token: Sendable {
        private let tokens: Tokens

        init(_ tokens: Tokens) {
            self.tokens = tokens
            tokens.alive.add(1, ordering: .relaxed)
        }

        deinit { tokens.alive.subtract(1, ordering: .releasing) }
    }
#endif

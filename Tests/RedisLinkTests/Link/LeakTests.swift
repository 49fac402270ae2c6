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
                    #expect(grown < 8 << 20, "\(grown >> 10) KiB for 240 more connections")
                    try await before.returns()
                }
            }
        }

        @Test("a reply without end costs as much memory as is set, whatever it is made of")
        func memory() async {
            await #expect(processExitsWith: .success) {
                let piece = Array(String(repeating: ":1\r\n", count: 1 << 18).utf8)
                let server = try FakeRedisServer { command in
                    guard command.name == "BAD" else { return nil }
                    let arrays = Array("*1000000\r\n*1000000\r\n".utf8)
                    return [.reply(arrays)] + (0..<64).map { _ in .reply(piece) }
                }
                let link = try makeLink(server.url) { $0.maximumReplyBytes = 1 << 20 }
                try await link.connect()
                let before = try Footprint.peakMemory()
                let error = await failure { try await link.send(["BAD"]) }
                #expect(error?.code == .protocolViolation)
                try await expectInStep(link)
                let grown = try Footprint.peakMemory() - before
                #expect(grown < 120 << 20, "\(grown >> 20) MiB for a limit of 1 MiB")
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

    /// The descriptors and threads of this process.
    private struct Footprint: Equatable {
        var descriptors: Int
        var threads: Int

        static func now() throws -> Footprint {
            let files = FileManager.default
            return Footprint(
                descriptors: try files.contentsOfDirectory(atPath: "/proc/self/fd").count,
                threads: try files.contentsOfDirectory(atPath: "/proc/self/task").count)
        }

        /// After one link, so that what the runtime keeps for ever is there.
        static func settled() async throws -> Footprint {
            let server = try FakeRedisServer()
            try await withLink(server.url) { try await $0.connect() }
            server.stop()
            var last = try now()
            try await eventually("the process is at rest") {
                try await Task.sleep(for: .milliseconds(20))
                let next = try now()
                defer { last = next }
                return next == last
            }
            return last
        }

        /// Waits until no more is in use than then.
        func returns() async throws {
            try await eventually("what was taken is given back") {
                let now = try Self.now()
                // Swift's own pool of threads may still grow a little.
                return now.descriptors <= descriptors && now.threads <= threads + 2
            }
        }

        static func peakMemory() throws -> Int {
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
            return (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0)
                << 10
        }
    }
#endif

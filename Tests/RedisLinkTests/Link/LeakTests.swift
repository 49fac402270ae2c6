import Foundation
import HoldfastTesting
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@testable import RedisLink

#if os(Linux)
    /// Each runs in a process of its own, where nothing else opens files, starts threads or takes memory.
    @Suite("Leaks")
    struct LeakTests {
        @Test("links come and go, closed or dropped, and leave no descriptor and no thread")
        func links() async {
            await #expect(processExitsWith: .success) {
                await recordingErrors {
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
        }

        @Test("failed attempts, forced reconnects and timeouts leave no descriptor and no thread")
        func reconnects() async {
            await #expect(processExitsWith: .success) {
                await recordingErrors {
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
        }

        @Test("connections over TLS, good, refused and lost, leave no descriptor, no thread and no memory")
        func tls() async {
            await #expect(processExitsWith: .success) {
                await recordingErrors {
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
                        #expect(
                            grown < Footprint.allowed(8 << 20), "\(grown >> 10) KiB for 240 more connections")
                        try await before.returns()
                    }
                }
            }
        }

        @Test("a reply without end costs no more memory than is set, whatever it is made of")
        func memory() async {
            await #expect(processExitsWith: .success) {
                await recordingErrors {
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
                        let pieces = Array(
                            String(repeating: piece, count: (128 << 10) / piece.utf8.count).utf8)
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
                        #expect(
                            grown < Footprint.allowed(64 << 20), "\(grown >> 20) MiB after reply \(index)")
                    }
                    await link.close()
                }
            }
        }

        @Test("a link leaves its descriptors to no child, and the system looks after its idle peer")
        func descriptors() async {
            await #expect(processExitsWith: .success) {
                await recordingErrors {
                    let server = try FakeRedisServer(.tcp)
                    let before = try Footprint.openDescriptors()
                    let link = try makeLink(server.url)
                    let pipes = try Footprint.openDescriptors().subtracting(before)
                    #expect(pipes.count == 2)
                    try await expectInStep(link)
                    // Only the link's end of the connection has this set.
                    let sockets = try Footprint.openDescriptors().filter {
                        Self.option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, of: $0) == 30_000
                    }
                    #expect(sockets.count == 1)
                    for descriptor in pipes.union(sockets) {
                        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
                    }
                    #expect(sockets.allSatisfy { Self.option(SOL_SOCKET, SO_KEEPALIVE, of: $0) == 1 })
                    await link.close()
                }
            }
        }

        private static func option(_ level: Int32, _ name: Int32, of descriptor: Int32) -> Int32? {
            var value: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(descriptor, level, name, &value, &size) == 0 ? value : nil
        }

        @Test("an idle link costs no CPU, also when a reply is owed", arguments: [false, true])
        func idle(owesReply: Bool) async throws {
            let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
            try await withLink(server.url) { link in
                let subscription = try link.subscribe("channel") { _ in }
                try await expectInStep(link)
                if owesReply { await link.connection.sendAll([["SLOW"]], to: Outcomes()) }
                try await eventually("both connections stand") { server.accepted == 2 }
                let before = await timeOfLoop(link)
                try await Task.sleep(for: .milliseconds(400))
                #expect(await timeOfLoop(link) - before < .milliseconds(50))
                subscription.cancel()
            }
        }

        /// The processor's time that the loop's own thread has had.
        private func timeOfLoop(_ link: RedisLink) async -> Duration {
            await Task(executorPreference: link.taskExecutor) {
                var time = timespec()
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
                return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
            }.value
        }

        @Test("the memory of a large reply is given back with the next one")
        func largeReply() async {
            await #expect(processExitsWith: .success) {
                await recordingErrors {
                    let parser = ReplyParser(maximumReplyBytes: 64 << 20)
                    let piece = [UInt8](repeating: 0x61, count: 64 << 10)
                    let before = try Footprint.residentMemory()
                    try Array("$50331648\r\n".utf8).withUnsafeBytes { try parser.feed($0) }
                    for _ in 0..<768 { try piece.withUnsafeBytes { try parser.feed($0) } }
                    for text in ["\r\n", "+OK\r\n"] {
                        try Array(text.utf8).withUnsafeBytes { try parser.feed($0) }
                        #expect(try parser.next() != nil)
                    }
                    let kept = try Footprint.residentMemory() - before
                    #expect(kept < Footprint.allowed(16 << 20), "\(kept >> 20) MiB")
                }
            }
        }

        @Test("a thousand cancelled and timed-out commands are forgotten when their replies have come")
        func tasks() async {
            await #expect(processExitsWith: .success) {
                await recordingErrors {
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

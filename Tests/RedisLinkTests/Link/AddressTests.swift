import HoldfastTesting
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@testable import RedisLink

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite("The addresses of a name")
struct AddressTests {
    @Test("one that does not answer at all leaves the others their share of the connect timeout")
    func blackHole() async throws {
        let hole = try BlackHole()
        let server = try FakeRedisServer(.tcp)
        let addresses = Mutex<[SocketAddress]>([])
        let configuration = try RedisConfiguration(url: server.url)
        guard case .tcp(let host, let port) = configuration.endpoint else { return }
        let good = try SocketAddress.resolve(host: host, port: port)
        let bad = try SocketAddress.resolve(host: "127.0.0.1", port: hole.port)
        addresses.withLock { $0 = bad + bad + good }
        let list = addresses.withLock { $0 }
        let change: @Sendable (inout RedisConfiguration) -> Void = {
            $0.connectTimeout = .milliseconds(600)
            $0.resolve = { (_, _) throws(RedisError) in list }
        }
        try await withLink(server.url, change) { link in
            try await link.connect()
            #expect(server.accepted == 1)
            try await expectInStep(link)
        }
    }

    @Test("when none answers, the attempt ends at the connect timeout")
    func onlyBlackHoles() async throws {
        let hole = try BlackHole()
        let bad = try SocketAddress.resolve(host: "127.0.0.1", port: hole.port)
        let change: @Sendable (inout RedisConfiguration) -> Void = {
            $0.connectTimeout = .milliseconds(100)
            $0.resolve = { (_, _) throws(RedisError) in bad + bad }
        }
        try await withLink("redis://name.invalid", change) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.delivery == .notDelivered)
        }
    }

    @Test("closing does not wait for a server that is frozen")
    func closing() async throws {
        try await withPrivateRedisServer { server in
            let link = try makeLink(server.url)
            try await link.connect()
            try await server.pause()
            let outcomes = Outcomes()
            await link.connection.sendAll([["GET", "a"]], to: outcomes)
            // The server goes on only after this: if closing waited for it, the test would not end.
            await link.close()
            #expect(outcomes.all.first?.code == .closed)
            #expect(outcomes.deliveries == [.unknown])
            try await server.resume()
        }
    }
}

/// A TCP port where connecting neither succeeds nor fails: its queue is full and nobody accepts.
private final class BlackHole {
    let port: Int
    private let listener: Int32
    private var fillers: [Int32] = []

    init() throws {
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue)
        #else
            let stream = SOCK_STREAM
        #endif
        listener = socket(AF_INET, stream, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isUp = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 0) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isUp)
        port = Int(UInt16(bigEndian: address.sin_port))
        for _ in 0..<8 {
            let filler = socket(AF_INET, stream, 0)
            _ = fcntl(filler, F_SETFL, O_NONBLOCK)
            _ = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(filler, $0, size) }
            }
            fillers.append(filler)
        }
    }

    deinit {
        for descriptor in fillers + [listener] { close(descriptor) }
    }
}

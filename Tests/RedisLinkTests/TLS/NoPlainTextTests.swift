import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

/// Whatever a server does, a `rediss` link sends it nothing but TLS.
@Suite("Never in plain text")
struct NoPlainTextTests {
    /// How a server without TLS may answer.
    enum Manner: String, CaseIterable {
        case silence, error, ok, close, reset, halfClose, garbage, alert, versionAlert, http

        var actions: [FakeRedisAction] {
            switch self {
            case .silence: []
            case .error: [.reply(RESP2.error("ERR unknown command"))]
            case .ok: [.reply(RESP2.ok + RESP2.ok + RESP2.status("PONG"))]
            case .close: [.close]
            case .reset: [.reset]
            case .halfClose: [.halfClose]
            case .garbage: [.reply([UInt8](repeating: 0xA5, count: 300))]
            case .alert: [.reply([21, 3, 3, 0, 2, 2, 40])]
            case .versionAlert: [.reply([21, 3, 1, 0, 2, 2, 70])]
            case .http: [.reply(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))]
            }
        }
    }

    @Test("to a server that never spoke TLS", arguments: Manner.allCases)
    func neverSpokeTLS(manner: Manner) async throws {
        let files = try CertificateFiles()
        let server = try FakeRedisServer(.tcp, onFirstBytes: { _ in manner.actions })
        try await withLink(url(server, files), { $0.connectTimeout = .milliseconds(100) }) { link in
            try await expectFailures(link, until: { server.accepted >= 4 })
        }
        expectNothingPlain(server)
    }

    @Test("to one that took the place of a server that did", arguments: Manner.allCases)
    func replaced(manner: Manner) async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1"), ["requirepass CANARY"]) { server in
            let url = server.url(ca: files.ca).replacing("://", with: "://:CANARY@")
            try await withLink(url, { $0.connectTimeout = .milliseconds(100) }) { link in
                try await eventually("TLS is spoken") { (try? await link.connect()) != nil }
                try await expectInStep(link)
                await server.kill()
                let fake = try FakeRedisServer(
                    .tcp, port: server.port, onFirstBytes: { _ in manner.actions })
                try await expectFailures(link, until: { fake.accepted >= 4 })
                expectNothingPlain(fake)
            }
        }
    }

    @Test("to one that refused the handshake")
    func refused() async throws {
        let files = try CertificateFiles()
        let other = try CertificateFiles(authority: "Another")
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            let url = server.url(ca: other.ca).replacing("://", with: "://:CANARY@")
            try await withLink(url) { link in
                let error = await failure { try await link.connect() }
                #expect(error?.code == .tlsFailed)
                await server.kill()
                let fake = try FakeRedisServer(
                    .tcp, port: server.port, onFirstBytes: { _ in Manner.error.actions })
                try await expectFailures(link, until: { fake.accepted >= 2 })
                expectNothingPlain(fake)
            }
        }
    }

    private func url(_ server: FakeRedisServer, _ files: CertificateFiles) -> String {
        server.url.replacing("redis://", with: "rediss://user:CANARY@") + "?ca=\(files.ca)"
    }

    /// Sends commands, each of which must fail, until the link has tried often enough.
    private func expectFailures(_ link: RedisLink, until isEnough: () -> Bool) async throws {
        try await eventually("the link tries again") {
            let error = await failure { try await link.send(["SET", "CANARY", "1"], timeout: .seconds(1)) }
            #expect(error?.delivery != .refused)
            return isEnough()
        }
    }

    private func expectNothingPlain(_ server: FakeRedisServer) {
        #expect(server.received.isEmpty)
        let received = server.receivedBytes
        #expect(received.contains { !$0.isEmpty })
        for bytes in received {
            #expect(tlsRecordTypes(bytes).isSubset(of: [21, 22]), "only alerts and the handshake")
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(!text.contains("CANARY") && !text.contains("AUTH") && !text.contains("PING"))
        }
    }

    /// The types of the TLS records in these bytes; 0 for what is no record.
    private func tlsRecordTypes(_ bytes: [UInt8]) -> Set<UInt8> {
        var types: Set<UInt8> = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let header = Array(rest.prefix(5))
            guard header.count == 5, header[1] == 3 else { return types.union([0]) }
            types.insert(header[0])
            rest = rest.dropFirst(5 + Int(header[3]) * 256 + Int(header[4]))
        }
        return types
    }
}

import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

@Suite("TLS with a real server")
struct TLSTests {
    @Test(
        "a certificate holds for the name and the addresses it carries, and a wildcard for one label",
        arguments: [
            ("DNS:redis.test", "127.0.0.1", "redis.test"),
            ("DNS:redis.test", "127.0.0.1", "REDIS.test."),
            ("DNS:*.example.test", "127.0.0.1", "redis.example.test"),
            ("DNS:localhost", "localhost", nil),
            ("DNS:other.test,DNS:redis.test", "127.0.0.1", "redis.test"),
            ("IP:127.0.0.1", "127.0.0.1", nil),
            ("IP:10.0.0.1", "127.0.0.1", "10.0.0.1"),
            ("IP:2001:db8::1", "127.0.0.1", "2001:db8:0::1"),
        ] as [(String, String, String?)])
    func names(names: String, host: String, expected: String?) async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity(names)) { server in
            try await withLink(server.url(host: host, ca: files.ca, name: expected)) { link in
                try await link.connect()
                try await expectInStep(link)
            }
        }
    }

    @Test("a client certificate is shown to a server that asks for one", arguments: ["TLSv1.2", "TLSv1.3"])
    func clientCertificate(version: String) async throws {
        let files = try CertificateFiles()
        let clients = try CertificateFiles(authority: "The clients' authority")
        let client = try clients.identity("DNS:client.test", file: "client")
        let lines = ["tls-protocols \(version)"]
        try await withTLSServer(try files.identity("IP:127.0.0.1"), trusting: clients.ca, lines) { server in
            try await withLink(server.url(ca: files.ca, client: client)) { try await expectInStep($0) }
        }
    }

    @Test("a key may stand in the file of its certificate")
    func oneFile() async throws {
        let files = try CertificateFiles()
        let issued = try files.authority.issue(CertificateRequest(names: ["DNS:client.test"]))
        let both = try files.write(issued.key + issued.certificate, "both.pem")
        try await withTLSServer(try files.identity("IP:127.0.0.1"), trusting: files.ca) { server in
            let url = server.url(ca: files.ca) + "&cert=\(both)"
            try await withLink(url) { try await expectInStep($0) }
        }
    }

    @Test(
        "large requests and replies, many at a time, come through whole", arguments: ["TLSv1.2", "TLSv1.3"])
    func large(version: String) async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1"), ["tls-protocols \(version)"]) { server in
            try await withLink(server.url(ca: files.ca)) { link in
                try await forEachConcurrently(Array(0..<6)) { number in
                    let size = number == 0 ? 24 << 20 : 1 << 20 + number
                    var bytes = [UInt8](repeating: UInt8(number), count: size)
                    for index in stride(from: 0, to: size, by: 1021) { bytes[index] = UInt8(index % 251) }
                    let reply = try await link.send(["ECHO", .bytes(bytes)])
                    #expect(reply.value.bytes == bytes)
                }
                try await expectInStep(link)
            }
        }
    }

    @Test("a thousand commands that leave together are answered in their order")
    func pipelined() async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            try await withLink(server.url(ca: files.ca)) { link in
                let outcomes = Outcomes()
                await link.connection.sendAll(
                    (0..<1000).map { ["ECHO", RedisArgument($0)] }, to: outcomes)
                try await eventually("all answered") { outcomes.ended.count == 1000 }
                #expect((0..<1000).allSatisfy { outcomes.values[$0]?.string == String($0) })
                #expect(outcomes.ended == Array(0..<1000))
            }
        }
    }

    @Test("a stream in small pieces, down to single bytes, is put together again", arguments: [1, 7, 500])
    func slices(size: Int) async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            let rules = FaultDirection.allCases.map { FaultRule($0, .always, [.slices(of: size)]) }
            let proxy = try FaultProxy(to: server.url(ca: files.ca), .tcp, rules: rules)
            try await withLink(proxy.url) { link in
                let bytes = (0..<4096 * size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                for _ in 0..<3 {
                    let reply = try await link.send(["ECHO", .bytes(bytes)])
                    #expect(reply.value.bytes == bytes)
                }
            }
            #expect(!proxy.log.isEmpty)
        }
    }

    @Test("a link goes on after its server was killed and started again, and after its connection was")
    func reconnects() async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            try await withLink(server.url(ca: files.ca)) { link in
                for _ in 0..<3 {
                    #expect(try await link.send(["INCR", "n"]).value.integer == 1)
                    await server.kill()
                    let error = await failure {
                        try await link.send(["INCR", "n"], timeout: .milliseconds(100))
                    }
                    #expect(error?.delivery != .refused)
                    try await server.restart()
                    #expect(try await link.send(["GET", "n"]).value == .null)
                }
                let before = try await link.send(["CLIENT", "ID"]).value.integer
                try await withLink(server.unixURL) { other in
                    _ = try await other.send(["CLIENT", "KILL", "ID", RedisArgument(before ?? 0)])
                }
                try await eventually("another connection") {
                    (try? await link.send(["CLIENT", "ID"]).value.integer) != before
                }
            }
        }
    }

    @Test("a certificate that was replaced on the disk serves the next connection")
    func rotation() async throws {
        let files = try CertificateFiles()
        let clients = try CertificateFiles(authority: "The clients' authority")
        var client = try files.identity("DNS:client.test", file: "client")
        client.certificate = try clients.write("", "client.pem")
        client.key = try clients.write("", "client.key")
        try await withTLSServer(try files.identity("IP:127.0.0.1"), trusting: clients.ca) { server in
            try await withLink(server.url(ca: files.ca, client: client)) { link in
                let error = await failure { try await link.connect() }
                #expect(error?.code == .invalidConfiguration)
                _ = try clients.identity("DNS:client.test", file: "client")
                try await eventually("the new one is read") { (try? await link.connect()) != nil }
                try await expectInStep(link)
            }
        }
    }

    @Test("a subscription hears its messages over TLS, and is renewed with the connection")
    func subscription() async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            try await withLink(server.url(ca: files.ca)) { link in
                let heard = Heard()
                let subscription = try link.subscribe("news", onMessage: heard.add)
                for round in 1...3 {
                    try await eventually("it begins") { heard.beginnings == round }
                    _ = try await link.send(["PUBLISH", "news", RedisArgument(round)])
                    try await eventually("it hears") { heard.texts.count == round }
                    _ = try await link.send(["CLIENT", "KILL", "TYPE", "pubsub"])
                }
                #expect(heard.texts == ["1", "2", "3"])
                subscription.cancel()
            }
        }
    }

    @Test("what a server executed of a cut stream is never reported as not delivered")
    func cutStream() async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            let url = server.url(ca: files.ca)
            try await withLink(server.unixURL) { direct in
                // The pieces of a request are those that the proxy reads, of up to 64 KiB each.
                try await forEachConcurrently(Array(0..<60), atATime: 4) { number in
                    let proxy = try FaultProxy(to: url, .tcp)
                    try await withLink(proxy.url) { link in
                        try await link.connect()
                        let end: FaultAction = number % 2 == 0 ? .reset : .close
                        proxy.setRules([
                            FaultRule(
                                .request, .call(number / 20 + 1), [.cut(after: number * 1777 % 40_000), end])
                        ])
                        let filler = [UInt8](repeating: 120, count: 20_000)
                        let outcomes = Outcomes()
                        let keys = (0..<40).map { "\(number):\($0)" }
                        await link.connection.sendAll(
                            keys.map { ["SET", .string($0), .bytes(filler)] }, to: outcomes)
                        try await eventually("all ended") { outcomes.ended.count == keys.count }
                        // Behind the server's end of the cut connection, so that it has executed what it got.
                        try await expectInStep(link)
                        let found = try await direct.send(
                            RedisCommand(["MGET"] + keys.map(RedisArgument.string))
                        ).value
                        let executed = (found.array ?? []).map { $0 != .null }
                        #expect(outcomes.all.count > 0)
                        for (index, error) in outcomes.errors where error.delivery == .notDelivered {
                            #expect(!executed[index], "command \(index) of cut \(number)")
                        }
                    }
                }
            }
        }
    }
}

import HoldfastTesting
import RedisLink
import RedisTestRig
import Testing

/// Each refusal names its cause, sends no command, and is told at once to those who wait.
@Suite("TLS that is refused")
struct TLSRefusalTests {
    /// What the client finds at a server that cannot prove who it is.
    enum BadServer: String, CaseIterable {
        case wrongAuthority, wrongName, wrongAddress, addressAsName, expired, notYetValid, selfSigned,
            commonName
        case partialWildcard, wildcardForTwoLabels, forNobody

        func identity(_ files: CertificateFiles) throws -> CertificateFiles.Identity {
            var request = CertificateRequest(names: ["DNS:redis.example.test"])
            switch self {
            case .wrongAuthority:
                return try CertificateFiles(authority: "Another").rewritten(request, in: files)
            case .wrongName: request.names = ["DNS:other.example.test"]
            case .wrongAddress: request.names = ["IP:127.0.0.2"]
            case .addressAsName: request.names = ["DNS:127.0.0.1"]
            case .expired: (request.validFrom, request.validFor) = (.seconds(-7200), .seconds(3600))
            case .notYetValid: (request.validFrom, request.validFor) = (.seconds(3600), .seconds(3600))
            case .selfSigned: return try files.write(try TestAuthority.selfSigned(request), "server")
            case .commonName: (request.names, request.commonName) = ([], "redis.example.test")
            case .partialWildcard: request.names = ["DNS:red*.example.test"]
            case .wildcardForTwoLabels: request.names = ["DNS:*.test"]
            case .forNobody: request.names = []
            }
            return try files.write(try files.authority.issue(request), "server")
        }

        var expectedName: String? {
            self == .wrongAddress || self == .addressAsName ? nil : "redis.example.test"
        }

        var message: String {
            switch self {
            case .wrongAuthority: "its authority is not trusted"
            case .wrongName, .commonName, .partialWildcard, .wildcardForTwoLabels, .forNobody:
                "it is not for the name redis.example.test"
            case .wrongAddress, .addressAsName: "it is not for the address 127.0.0.1"
            case .expired: "it has expired"
            case .notYetValid: "it is not valid yet"
            case .selfSigned: "it is self-signed"
            }
        }
    }

    @Test("a server whose certificate does not hold", arguments: BadServer.allCases)
    func badServer(bad: BadServer) async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try bad.identity(files)) { server in
            let url = server.url(ca: files.ca, name: bad.expectedName)
            try await expectRefusal(url, .tlsFailed, "the server's certificate was refused: \(bad.message)")
        }
    }

    enum BadClient: String, CaseIterable {
        case none, wrongAuthority, expired
    }

    @Test(
        "a client whose certificate does not hold, before the handshake's end and after it",
        arguments: BadClient.allCases, ["TLSv1.2", "TLSv1.3"])
    func badClient(bad: BadClient, version: String) async throws {
        let files = try CertificateFiles()
        var request = CertificateRequest(names: ["DNS:client.test"])
        if bad == .expired { (request.validFrom, request.validFor) = (.seconds(-7200), .seconds(3600)) }
        let authority = bad == .wrongAuthority ? try TestAuthority(name: "Another") : files.authority
        let client = try files.write(try authority.issue(request), "client")
        let message =
            bad == .none
            ? "the server asks for a client certificate" : "the server refused the client certificate"
        try await withTLSServer(
            try files.identity("IP:127.0.0.1"), trusting: files.ca, ["tls-protocols \(version)"]
        ) { server in
            let url = server.url(ca: files.ca, client: bad == .none ? nil : client)
            try await expectRefusal(url, .tlsFailed, message)
        }
    }

    @Test("a server that is older than TLS 1.2", arguments: ["TLSv1", "TLSv1.1", "\"TLSv1 TLSv1.1\""])
    func oldServer(versions: String) async throws {
        let files = try CertificateFiles()
        // Its signatures are below what OpenSSL's default level lets a server make.
        let lines = ["tls-protocols \(versions)", "tls-ciphers DEFAULT:@SECLEVEL=0"]
        try await withTLSServer(try files.identity("IP:127.0.0.1"), lines) { server in
            let url = server.url(ca: files.ca)
            try await expectRefusal(url, .tlsFailed, "the server does not speak TLS 1.2 or later")
        }
    }

    @Test("a server that has no cipher for us")
    func noCipher() async throws {
        let files = try CertificateFiles()
        let lines = ["tls-protocols TLSv1.2", "tls-ciphers ECDHE-RSA-AES128-GCM-SHA256"]
        try await withTLSServer(try files.identity("IP:127.0.0.1"), lines) { server in
            let url = server.url(ca: files.ca)
            try await expectRefusal(url, .tlsFailed, "we have no cipher in common with the server")
        }
    }

    enum BadFiles: String, CaseIterable {
        case missingAuthority, emptyAuthority, folderAsAuthority, missingCertificate, missingKey, folderAsKey
        case keyIsNone, otherKey, encryptedKey, badName

        func url(_ server: PrivateRedisServer, _ files: CertificateFiles) throws -> String {
            let none = files.path("none.pem")
            let empty = try files.write("nothing\n", "empty.pem")
            let client = try files.identity("DNS:client.test", file: "client")
            let other = try files.identity("DNS:client.test", file: "other")
            let encrypted = try files.write(
                try files.authority.issue(CertificateRequest(keyPassword: "CANARY")), "encrypted")
            func with(_ certificate: String, _ key: String) -> String {
                server.url(ca: files.ca, client: .init(certificate: certificate, key: key))
            }
            return switch self {
            case .missingAuthority: server.url(ca: none)
            case .emptyAuthority: server.url(ca: empty)
            case .folderAsAuthority: server.url(ca: files.path(""))
            case .missingCertificate: with(none, client.key)
            case .missingKey: with(client.certificate, none)
            case .folderAsKey: with(client.certificate, files.path(""))
            case .keyIsNone: with(client.certificate, client.certificate)
            case .otherKey: with(client.certificate, other.key)
            case .encryptedKey: with(encrypted.certificate, encrypted.key)
            case .badName: server.url(ca: files.ca, name: ".test")
            }
        }

        func message(_ files: CertificateFiles) -> String {
            switch self {
            case .missingAuthority:
                "cannot read the certificate authorities (ca) from \(files.path("none.pem")): No such file"
            case .emptyAuthority:
                "cannot read the certificate authorities (ca) from \(files.path("empty.pem")): it holds none"
            case .folderAsAuthority: "(ca) from \(files.path("")): it holds none"
            case .missingCertificate: "(cert) from \(files.path("none.pem")): No such file"
            case .missingKey: "(key) from \(files.path("none.pem")): No such file"
            case .folderAsKey: "(key) from \(files.path("")): it holds none"
            case .keyIsNone: "(key) from \(files.path("client.pem")): it holds none"
            case .otherKey:
                "the client's key in \(files.path("other.key")) does not belong to the certificate in"
                    + " \(files.path("client.pem"))"
            case .encryptedKey: "it is encrypted, and there is no password"
            case .badName: "the name of the server must be a host name or an IP address"
            }
        }
    }

    @Test("files that cannot be used", arguments: BadFiles.allCases)
    func badFiles(bad: BadFiles) async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            let url = try bad.url(server, files)
            try await expectRefusal(url, .invalidConfiguration, bad.message(files))
        }
    }

    @Test("a unix socket, which has no name, needs the server's")
    func unixSocket() async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            try await withLink(server.unixURL, { $0.tls = TLSConfiguration(authorityFile: files.ca) }) {
                link in
                let error = await failure { try await link.connect() }
                #expect(error?.code == .invalidConfiguration)
            }
        }
    }

    @Test("a server without TLS, whether it answers the handshake or not")
    func plainServer() async throws {
        let files = try CertificateFiles()
        try await withPrivateRedisServer(.init(transport: .tcp)) { server in
            let url = server.url.replacing("redis:", with: "rediss:") + "?ca=\(files.ca)"
            try await withLink(url, { $0.connectTimeout = .milliseconds(300) }) { link in
                for _ in 0..<5 {
                    // Redis reads the handshake as a line, and answers only where it happens to have an end.
                    let error = await failure { try await link.connect() }
                    #expect(error?.code == .connectFailed || error?.code == .tlsFailed)
                    #expect(error?.delivery == .notDelivered)
                    #expect(error?.message.contains("speak TLS on this port") == true)
                }
            }
        }
    }

    @Test("a server with TLS, by a client without it, which is told what it needs")
    func plainClient() async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            try await withLink("redis://127.0.0.1:\(server.port)") { link in
                let error = await failure { try await link.connect() }
                #expect(error?.code == .connectFailed && error?.message.contains("rediss://") == true)
            }
        }
    }

    @Test("a server that accepts and stays silent, in the handshake and behind it")
    func silentServer() async throws {
        let files = try CertificateFiles()
        try await withTLSServer(try files.identity("IP:127.0.0.1")) { server in
            // The first piece of the server holds all its words of the handshake.
            for (passed, message) in [
                (0, "does it speak TLS on this port?"), (1, "no answer to the first command"),
            ] {
                let rule = FaultRule(.reply, .call(1), (passed == 0 ? [.drop] : []) + [.blackHole(.reply)])
                let proxy = try FaultProxy(to: server.url(ca: files.ca), .tcp, rules: [rule])
                try await withLink(proxy.url, { $0.connectTimeout = .milliseconds(500) }) { link in
                    let error = await failure { try await link.connect() }
                    #expect(error?.code == .connectFailed)
                    #expect(error?.delivery == .notDelivered)
                    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
                }
            }
        }
    }

    private func expectRefusal(
        _ url: String, _ code: RedisError.Code, _ message: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let url = url.replacing("://", with: "://user:CANARY@")
        try await withLink(url, { $0.commandTimeout = .seconds(3600) }) { link in
            for error in [
                await failure { try await link.connect() },
                // The next attempts come by themselves: a command learns of them long before its own timeout.
                await failure { try await link.send(["GET", "a"]) },
                await failure { try await link.send(["GET", "a"]) },
            ] {
                #expect(error?.code == code, sourceLocation: sourceLocation)
                #expect(error?.delivery == .notDelivered, sourceLocation: sourceLocation)
                let text = error?.message ?? ""
                #expect(text.contains(message), sourceLocation: sourceLocation)
                #expect(!text.contains("CANARY"), sourceLocation: sourceLocation)
            }
        }
    }
}

extension CertificateFiles {
    /// A certificate of this authority, in the folder of another.
    fileprivate func rewritten(_ request: CertificateRequest, in files: CertificateFiles) throws -> Identity {
        try files.write(try authority.issue(request), "server")
    }
}

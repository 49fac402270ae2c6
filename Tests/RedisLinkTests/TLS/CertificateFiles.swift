import Foundation
import HoldfastTesting

/// An authority and the files that a test makes with it, in a folder that goes with this object.
final class CertificateFiles {
    struct Identity {
        var certificate: String
        var key: String
    }

    let authority: TestAuthority
    /// The path of the authority's own certificate.
    let ca: String
    private let folder: URL

    init(authority name: String = "Holdfast test authority") throws {
        authority = try TestAuthority(name: name)
        folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        ca = folder.appending(path: "ca.pem").path
        try authority.certificate.write(toFile: ca, atomically: false, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The path of a new file with this text.
    func write(_ text: String, _ name: String) throws -> String {
        let path = folder.appending(path: name).path
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        return path
    }

    func write(_ issued: IssuedCertificate, _ name: String) throws -> Identity {
        Identity(
            certificate: try write(issued.certificate, name + ".pem"),
            key: try write(issued.key, name + ".key"))
    }

    /// A certificate for these names and its key.
    func identity(_ names: String..., file: String = "server") throws -> Identity {
        try write(try authority.issue(CertificateRequest(names: names)), file)
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }
}

/// A real redis-server that speaks TLS with this certificate.
///
/// Always the redis-server in PATH, whatever server the other tests run against: not every build speaks TLS.
func withTLSServer<R>(
    _ identity: CertificateFiles.Identity, trusting clientAuthority: String? = nil, _ lines: [String] = [],
    isolation: isolated (any Actor)? = #isolation,
    _ body: (PrivateRedisServer) async throws -> R
) async throws -> R {
    var options = PrivateRedisServer.Options(transport: .tls, password: "", binary: "redis-server")
    options.configuration = [
        "tls-cert-file \(identity.certificate)", "tls-key-file \(identity.key)",
    ]
    if let clientAuthority {
        options.configuration += ["tls-auth-clients yes", "tls-ca-cert-file \(clientAuthority)"]
    }
    options.configuration += lines
    return try await withPrivateRedisServer(options, body)
}

extension PrivateRedisServer {
    /// The port of a server over TLS.
    var port: UInt16 {
        UInt16(url.split(separator: "?")[0].split(separator: ":").last ?? "") ?? 0
    }

    /// The URL of a server over TLS for a client that is set up like this.
    func url(
        host: String = "127.0.0.1", ca: String, name: String? = nil, client: CertificateFiles.Identity? = nil
    ) -> String {
        var url = "rediss://\(host):\(port)?ca=\(ca)"
        if let name { url += "&server-name=\(name)" }
        if let client { url += "&cert=\(client.certificate)&key=\(client.key)" }
        return url
    }
}

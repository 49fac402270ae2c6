internal import Foundation

extension PrivateRedisServer {
    /// The transport of a client's connection to a private server.
    public enum Transport: String, Sendable, Hashable, CaseIterable {
        /// A unix socket in the server's directory.
        case unix
        /// TCP on 127.0.0.1.
        case tcp
        /// TLS on 127.0.0.1, with certificates made for this server; the URL names the file of their
        /// authority.
        case tls

        /// `wanted`, or else what the environment variable `HOLDFAST_TEST_TRANSPORT` says, or else `.unix`.
        static func find(
            _ wanted: Transport?,
            environment: [String: String] = ProcessInfo.processInfo.environment
        ) throws(PrivateRedisServerError) -> Transport {
            if let wanted { return wanted }
            guard let name = environment["HOLDFAST_TEST_TRANSPORT"] else { return .unix }
            guard let transport = Transport(rawValue: name) else {
                throw PrivateRedisServerError(
                    .system, "HOLDFAST_TEST_TRANSPORT is \(name); it must be unix, tcp or tls.")
            }
            return transport
        }
    }
}

extension ServerFiles {
    var authority: String { directory + "/ca.pem" }
    var certificate: String { directory + "/server.pem" }
    var key: String { directory + "/server.key" }

    /// The URL of the server over TLS. Its certificate is valid for 127.0.0.1 and localhost.
    func tlsURL(port: Int) -> String {
        let file = authority.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? authority
        return "rediss://127.0.0.1:\(port)?ca=\(file.replacing("&", with: "%26").replacing("=", with: "%3D"))"
    }

    /// Makes an authority and the server's certificate.
    func writeCertificates() throws {
        let authority = try TestAuthority()
        let server = try authority.issue(CertificateRequest(names: ["DNS:localhost", "IP:127.0.0.1"]))
        try authority.certificate.write(toFile: self.authority, atomically: false, encoding: .utf8)
        try server.certificate.write(toFile: certificate, atomically: false, encoding: .utf8)
        try server.key.write(toFile: key, atomically: false, encoding: .utf8)
    }
}

/// How a `rediss://` connection proves who is at its ends.
///
/// The certificate chain and the host name are always verified, with TLS 1.2 or later; there is no way to
/// switch that off.
package struct TLSConfiguration: Sendable, Hashable {
    /// PEM file of the certificate authorities to trust. Defaults to the system's.
    package var authorityFile: String?
    /// PEM files of the client's certificate chain and of its private key, for servers that ask for them.
    package var certificateFile: String?
    package var keyFile: String?
    /// The name or address the server's certificate must carry. Defaults to the URL's host.
    package var serverName: String?

    package init(
        authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil,
        serverName: String? = nil
    ) {
        self.authorityFile = authorityFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.serverName = serverName
    }
}

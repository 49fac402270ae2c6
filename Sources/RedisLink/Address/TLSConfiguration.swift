/// How a `rediss://` connection proves who is at its ends.
///
/// Chain and host name are always verified, with TLS 1.2 or later; there is no way to switch that off.
package struct TLSConfiguration: Sendable, Hashable {
    /// PEM file of the certificate authorities to trust; the system's unless set.
    package var authorityFile: String?
    /// PEM files of the client's certificate chain and of its private key, for servers that ask for them.
    package var certificateFile: String?
    package var keyFile: String?
    /// The name or address the server's certificate must carry; the URL's host unless set.
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

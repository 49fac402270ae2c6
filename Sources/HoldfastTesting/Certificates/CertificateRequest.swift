/// What goes into a certificate of a ``TestAuthority``.
package struct CertificateRequest: Sendable {
    /// The subject alternative names, each with its kind: `DNS:redis.test`, `IP:127.0.0.1`.
    package var names: [String]
    package var commonName: String
    /// When it becomes valid, counted from now. Defaults to a minute ago.
    package var validFrom: Duration
    package var validFor: Duration
    /// Encrypts the key's PEM text.
    package var keyPassword: String?
    package var isAuthority: Bool

    package init(
        names: [String] = [], commonName: String = "Holdfast test", validFrom: Duration = .seconds(-60),
        validFor: Duration = .seconds(86_400), keyPassword: String? = nil, isAuthority: Bool = false
    ) {
        self.names = names
        self.commonName = commonName
        self.validFrom = validFrom
        self.validFor = validFor
        self.keyPassword = keyPassword
        self.isAuthority = isAuthority
    }
}

/// A certificate and its private key, as PEM texts.
package struct IssuedCertificate: Sendable {
    package var certificate: String
    package var key: String
}

/// A certificate could not be made.
package struct CertificateError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

internal import COpenSSL

/// The files and rules of a TLS configuration, loaded. Read anew for each connection: certificates are
/// rotated.
final class TLSContext {
    let pointer: OpaquePointer

    init(_ configuration: TLSConfiguration) throws(RedisError) {
        holdfast_ssl_begin()
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw Self.invalid("OpenSSL is out of memory")
        }
        pointer = context
        guard holdfast_ssl_ctx_set_rules(context) == 1 else { throw Self.invalid("TLS 1.2 is not available") }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        // Without this, OpenSSL asks for the password of an encrypted key on the terminal, and waits.
        SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
        try loadAuthorities(configuration.authorityFile)
        try loadIdentity(certificate: configuration.certificateFile, key: configuration.keyFile)
    }

    deinit { SSL_CTX_free(pointer) }

    private func loadAuthorities(_ file: String?) throws(RedisError) {
        guard let file else {
            guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
                throw Self.invalid("cannot read the system's certificate authorities")
            }
            return
        }
        guard SSL_CTX_load_verify_locations(pointer, file, nil) == 1 else {
            throw Self.invalid("cannot read the certificate authorities (ca) from \(file): \(Self.reason())")
        }
    }

    private func loadIdentity(certificate: String?, key: String?) throws(RedisError) {
        guard let certificate else {
            guard key == nil else {
                throw Self.invalid("there is a client key (key) but no certificate (cert)")
            }
            return
        }
        // The key first: then a certificate for another key is not an error yet, and each failure has one
        // meaning.
        let key = key ?? certificate
        guard SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) == 1 else {
            throw Self.invalid("cannot read the client's key (key) from \(key): \(Self.reason())")
        }
        guard SSL_CTX_use_certificate_chain_file(pointer, certificate) == 1 else {
            throw Self.invalid(
                "cannot read the client's certificate (cert) from \(certificate): \(Self.reason())")
        }
        guard SSL_CTX_check_private_key(pointer) == 1 else {
            throw Self.invalid(
                "the client's key in \(key) does not belong to the certificate in \(certificate)")
        }
    }

    /// The first of OpenSSL's errors in words: later ones only say where it was noticed.
    private static func reason() -> String {
        let code = ERR_peek_error()
        defer { ERR_clear_error() }
        if holdfast_err_errno(code) != 0 { return errorText(holdfast_err_errno(code)) }
        guard let text = ERR_reason_error_string(code) else { return "it is not a PEM file" }
        let reason = String(cString: text)
        return switch reason {
        case "no start line", "unsupported", "no certificate or crl found": "it holds none (\(reason))"
        case "bad password read", "interrupted or cancelled": "it is encrypted, and there is no password"
        default: reason
        }
    }

    /// An error in the configuration, which no retry fixes.
    static func invalid(_ what: String) -> RedisError {
        ERR_clear_error()
        return RedisError(.invalidConfiguration, delivery: .notDelivered, "TLS: \(what)")
    }
}

internal import COpenSSL

/// One TLS session between a socket and the commands: bytes in the clear on one side, encrypted ones on the
/// other.
///
/// OpenSSL works on memory, and this type moves its bytes through the ``Socket``: so the socket stays
/// non-blocking and free of SIGPIPE, and one poll loop serves both kinds of connection. Confined to its
/// session.
final class TLSStream {
    enum Handshake {
        case done
        case goesOn
        case failed(RedisError)
    }

    private let ssl: OpaquePointer
    private let encryptedInput: OpaquePointer
    private let encryptedOutput: OpaquePointer
    private var unsent: [UInt8] = []
    private let endpoint: String

    /// - Parameter host: the name or address to verify, unless the configuration names another.
    init(_ configuration: TLSConfiguration, host: String, endpoint: String) throws(RedisError) {
        let context = try TLSContext(configuration)
        guard let ssl = SSL_new(context.pointer), let input = BIO_new(BIO_s_mem()),
            let output = BIO_new(BIO_s_mem())
        else { throw TLSContext.failure("OpenSSL is out of memory") }
        // `ssl` keeps the context, and owns the two buffers from here on.
        SSL_set_bio(ssl, input, output)
        self.ssl = ssl
        encryptedInput = input
        encryptedOutput = output
        self.endpoint = endpoint
        SSL_set_connect_state(ssl)
        try expect(configuration.serverName ?? host)
    }

    deinit { SSL_free(ssl) }

    private func expect(_ name: String) throws(RedisError) {
        let parameters = SSL_get0_param(ssl)
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 { return }
        ERR_clear_error()
        guard SSL_set1_host(ssl, name) == 1, holdfast_ssl_set_sni(ssl, name) == 1 else {
            throw TLSContext.failure("\(name) cannot be the name of a TLS server")
        }
    }

    // MARK: Handshake

    /// Goes as far as the received bytes allow.
    func handshake() -> Handshake {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return .done }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .goesOn
        default: return .failed(handshakeError())
        }
    }

    private func handshakeError() -> RedisError {
        let verification = SSL_get_verify_result(ssl)
        let reason: String
        if verification != Int(X509_V_OK) {
            reason = "its certificate was refused: \(Self.verificationText(verification))"
        } else {
            reason = Self.lastError(orElse: "the handshake failed")
        }
        return RedisError(.connectFailed, delivery: .notDelivered, "\(endpoint): \(reason)")
    }

    private static func verificationText(_ code: Int) -> String {
        let text = String(cString: X509_verify_cert_error_string(code))
        switch Int32(code) {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "it is for another host (\(text))"
        case X509_V_ERR_CERT_HAS_EXPIRED: return "it has expired (\(text))"
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "it is self-signed or of an authority that is not trusted (\(text))"
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "its authority is not trusted (\(text))"
        default: return text
        }
    }

    /// OpenSSL's newest error in words, and what it usually means.
    static func lastError(orElse fallback: String) -> String {
        let code = ERR_peek_last_error()
        guard code != 0, let reason = ERR_reason_error_string(code) else { return fallback }
        ERR_clear_error()
        let text = String(cString: reason)
        if text.contains("wrong version number") || text.contains("packet length too long")
            || text.contains("unexpected eof")
        {
            return "the server does not speak TLS here (\(text))"
        }
        if text.contains("certificate required") || text.contains("handshake failure") {
            return "the server asks for a client certificate that it accepts (\(text))"
        }
        return "TLS failed (\(text))"
    }

    // MARK: Bytes

    /// Encrypts `bytes` and sends what the socket takes. All of `bytes` count as taken: what the socket did
    /// not take is kept here, and leaves with ``flush(to:)``.
    func send(_ bytes: UnsafeRawBufferPointer, to socket: Socket) -> Socket.Transfer {
        if !bytes.isEmpty {
            ERR_clear_error()
            let count = Int32(clamping: bytes.count)
            guard SSL_write(ssl, bytes.baseAddress, count) == count else {
                return .closed(Self.lastError(orElse: "TLS failed"))
            }
            if let reason = flush(to: socket) { return .closed(reason) }
            return .bytes(Int(count))
        }
        return .wouldBlock
    }

    /// Whether encrypted bytes wait for the socket.
    var hasUnsent: Bool { !unsent.isEmpty || BIO_ctrl_pending(encryptedOutput) > 0 }

    /// Sends what OpenSSL has produced. Returns why it failed, if it did.
    func flush(to socket: Socket) -> String? {
        let pending = BIO_ctrl_pending(encryptedOutput)
        if pending > 0 {
            let old = unsent.count
            unsent.append(contentsOf: repeatElement(0, count: pending))
            unsent.withUnsafeMutableBytes { buffer in
                _ = BIO_read(encryptedOutput, buffer.baseAddress! + old, Int32(clamping: pending))
            }
        }
        while !unsent.isEmpty {
            switch unsent.withUnsafeBytes({ socket.send($0) }) {
            case .bytes(let count): unsent.removeFirst(count)
            case .wouldBlock: return nil
            case .closed(let reason): return reason
            }
        }
        return nil
    }

    /// Takes encrypted bytes from the socket; they come out of ``decrypt(into:)``.
    func receive(from socket: Socket, through buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        let transfer = socket.receive(into: buffer)
        if case .bytes(let count) = transfer {
            _ = BIO_write(encryptedInput, buffer.baseAddress, Int32(count))
        }
        return transfer
    }

    /// The next bytes in the clear.
    func decrypt(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        ERR_clear_error()
        let count = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
        if count > 0 { return .bytes(Int(count)) }
        switch SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .closed("the server closed the connection")
        default: return .closed(Self.lastError(orElse: "TLS failed"))
        }
    }
}

/// The files and rules of a configuration, loaded. Read anew for each connection: certificates are rotated.
private final class TLSContext {
    let pointer: OpaquePointer

    init(_ configuration: TLSConfiguration) throws(RedisError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw Self.failure("OpenSSL is out of memory")
        }
        pointer = context
        guard holdfast_ssl_ctx_require_tls12(context) == 1 else {
            throw Self.failure("TLS 1.2 is not available")
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        if let file = configuration.authorityFile {
            guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
                throw Self.failure("cannot read certificate authorities from \(file)")
            }
        } else {
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw Self.failure("cannot read the system's certificate authorities")
            }
        }
        if let file = configuration.certificateFile {
            guard SSL_CTX_use_certificate_chain_file(context, file) == 1 else {
                throw Self.failure("cannot read the client certificate from \(file)")
            }
            let key = configuration.keyFile ?? file
            guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
                throw Self.failure(
                    "cannot read the client's key from \(key), or it does not belong to its certificate")
            }
        }
    }

    deinit { SSL_CTX_free(pointer) }

    static func failure(_ what: String) -> RedisError {
        RedisError(.invalidConfiguration, delivery: .notDelivered, what)
    }
}

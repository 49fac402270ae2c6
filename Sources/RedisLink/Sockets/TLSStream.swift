internal import COpenSSL

/// One TLS session between a socket and the commands: bytes in the clear on one side, encrypted ones on the
/// other.
///
/// OpenSSL works on memory, and the session moves the encrypted bytes: so the socket stays non-blocking and
/// free of SIGPIPE, and one poll loop serves both kinds of connection. Confined to its session.
///
/// A stream that ends without TLS's own end (`close_notify`) is not a special case: every end is a loss of
/// the connection, and a reply that was cut short is never taken for a complete one.
final class TLSStream {
    enum Handshake: Hashable {
        case done
        case goesOn
        /// Refused by one of the sides; ``failure`` says why.
        case failed
    }

    /// Hands encrypted bytes to the socket.
    typealias Send = (UnsafeRawBufferPointer) -> Socket.Transfer

    private let ssl: OpaquePointer
    private let encryptedInput: OpaquePointer
    private let encryptedOutput: OpaquePointer
    private let expectedName: String
    /// Encrypted bytes, of which the socket has taken those before `first`.
    private var unsent: [UInt8] = []
    private var first = 0
    /// Why the socket takes no more.
    private var socketFailure: String?
    /// Why TLS itself failed: a refusal by one of the sides, or a broken stream.
    private(set) var failure: String?

    /// How much is encrypted at a time. What the socket does not take of it waits here and counts as sent, so
    /// it is kept small.
    private static let pieceSize = 64 << 10

    /// - Parameter host: the name or address to verify, unless the configuration names another.
    init(_ configuration: TLSConfiguration, host: String) throws(RedisError) {
        let context = try TLSContext(configuration)
        guard let ssl = SSL_new(context.pointer), let input = BIO_new(BIO_s_mem()),
            let output = BIO_new(BIO_s_mem())
        else { throw TLSContext.invalid("OpenSSL is out of memory") }
        // `ssl` keeps the context, and owns the two buffers from here on.
        SSL_set_bio(ssl, input, output)
        self.ssl = ssl
        encryptedInput = input
        encryptedOutput = output
        expectedName = configuration.serverName ?? host
        SSL_set_connect_state(ssl)
        try expect(expectedName)
    }

    deinit { SSL_free(ssl) }

    private func expect(_ name: String) throws(RedisError) {
        // OpenSSL takes an empty name, or one that is cut short to nothing by a zero byte, to mean "verify
        // none", and one that begins with a dot to mean "any name below".
        guard !name.isEmpty, !name.hasPrefix("."), !name.utf8.contains(where: { $0 <= 32 || $0 == 127 })
        else {
            throw TLSContext.invalid("the name of the server must be a host name or an IP address")
        }
        holdfast_ssl_set_name_rules(ssl)
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 { return }
        ERR_clear_error()
        // The dot that ends a fully qualified name belongs to DNS, and is never in a certificate.
        let name = name.hasSuffix(".") ? String(name.dropLast()) : name
        guard SSL_set1_host(ssl, name) == 1, holdfast_ssl_set_sni(ssl, name) == 1 else {
            throw TLSContext.invalid("\(name) cannot be the name of a server")
        }
    }

    // MARK: Handshake

    /// Continues the handshake as far as the received bytes allow.
    func handshake() -> Handshake {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return .done }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .goesOn
        default:
            fail()
            return .failed
        }
    }

    /// Records why OpenSSL failed.
    private func fail() {
        let verification = Int32(truncatingIfNeeded: SSL_get_verify_result(ssl))
        if verification != X509_V_OK {
            failure = TLSFailure.certificate(verification, name: expectedName)
        } else {
            failure = TLSFailure.text(ERR_peek_last_error(), asked: SSL_get0_peer_CA_list(ssl) != nil)
        }
        ERR_clear_error()
    }

    // MARK: Bytes out

    /// Encrypts the front of `bytes` and sends what the socket takes of it. All that is encrypted counts as
    /// taken, because parts of it may have gone; nothing more is encrypted until it has left.
    func send(_ bytes: UnsafeRawBufferPointer, through send: Send) -> Socket.Transfer {
        if let reason = flush(through: send) { return .closed(reason) }
        guard !bytes.isEmpty, !hasUnsent else { return .wouldBlock }
        let count = min(bytes.count, Self.pieceSize)
        ERR_clear_error()
        guard SSL_write(ssl, bytes.baseAddress, Int32(count)) == count else {
            fail()
            return .closed(failure ?? "TLS failed")
        }
        // The next call reports a failure: the socket may have taken complete commands before it.
        _ = flush(through: send)
        return .bytes(count)
    }

    /// Whether encrypted bytes wait for the socket.
    var hasUnsent: Bool { first < unsent.count || BIO_ctrl_pending(encryptedOutput) > 0 }

    /// The bytes of memory that wait for the socket, for tests.
    var footprint: Int { unsent.count + BIO_ctrl_pending(encryptedOutput) }

    /// Sends what OpenSSL has produced. Returns the socket's failure, if it has failed.
    func flush(through send: Send) -> String? {
        while socketFailure == nil, hasUnsent {
            if first == unsent.count { takeOutput() }
            switch unsent.withUnsafeBytes({ send(UnsafeRawBufferPointer(rebasing: $0[first...])) }) {
            case .bytes(let count): first += count
            case .wouldBlock: return nil
            case .closed(let reason): socketFailure = reason
            }
        }
        return socketFailure
    }

    private func takeOutput() {
        let pending = BIO_ctrl_pending(encryptedOutput)
        unsent = [UInt8](unsafeUninitializedCapacity: pending) { buffer, count in
            count = max(0, Int(BIO_read(encryptedOutput, buffer.baseAddress, Int32(clamping: pending))))
        }
        first = 0
    }

    /// Tells the server that nothing more will come, as far as the socket can send it now.
    func end(through send: Send) {
        guard failure == nil, SSL_is_init_finished(ssl) == 1 else { return }
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
        _ = flush(through: send)
    }

    // MARK: Bytes in

    /// Takes encrypted bytes from the socket; they come out of ``decrypt(into:)``.
    func take(_ encrypted: UnsafeRawBufferPointer) {
        let count = BIO_write(encryptedInput, encrypted.baseAddress, Int32(encrypted.count))
        // Never continue with a gap in the stream.
        precondition(count == encrypted.count, "OpenSSL is out of memory")
    }

    /// The next bytes in the clear.
    func decrypt(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        ERR_clear_error()
        let count = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
        if count > 0 { return .bytes(Int(count)) }
        switch SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .closed("the server closed the connection")
        default:
            fail()
            return .closed(failure ?? "TLS failed")
        }
    }
}

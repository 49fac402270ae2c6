import COpenSSL
import HoldfastTesting
import Testing

@testable import RedisLink

/// The server's side of a TLS session, in memory: what a real server does only by chance it does when asked.
final class TLSPeer {
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    /// - Parameter version: `TLS1_2_VERSION` or `TLS1_3_VERSION`.
    init(_ identity: CertificateFiles.Identity, version: Int32 = TLS1_3_VERSION) throws {
        let context = try #require(SSL_CTX_new(TLS_server_method()))
        defer { SSL_CTX_free(context) }
        try #require(SSL_CTX_use_certificate_file(context, identity.certificate, SSL_FILETYPE_PEM) == 1)
        try #require(SSL_CTX_use_PrivateKey_file(context, identity.key, SSL_FILETYPE_PEM) == 1)
        ssl = try #require(SSL_new(context))
        input = try #require(BIO_new(BIO_s_mem()))
        output = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(ssl, input, output)
        SSL_set_accept_state(ssl)
        SSL_ctrl(ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(version), nil)
        SSL_ctrl(ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
    }

    deinit { SSL_free(ssl) }

    /// The name that the client asked for.
    var requestedName: String? {
        SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }

    /// Takes what the client has sent and answers it.
    func take(_ bytes: [UInt8]) {
        BIO_write(input, bytes, Int32(bytes.count))
        SSL_do_handshake(ssl)
    }

    /// The encrypted bytes that are to go to the client.
    func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(output))
        BIO_read(output, &bytes, Int32(bytes.count))
        return bytes
    }

    func write(_ bytes: [UInt8]) throws {
        try #require(SSL_write(ssl, bytes, Int32(bytes.count)) == bytes.count)
    }

    /// What the client has sent, in the clear.
    func read() -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while case let count = SSL_read(ssl, &piece, Int32(piece.count)), count > 0 {
            bytes += piece[..<Int(count)]
        }
        return bytes
    }

    /// Whether the client has said that nothing more comes.
    var hasEnded: Bool { SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

    func end() { SSL_shutdown(ssl) }

    /// Changes the key of this side, and asks the client to change its own.
    func updateKeys() throws {
        try #require(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1)
        SSL_do_handshake(ssl)
    }

    /// Asks for a second handshake, as TLS 1.2 allows.
    func renegotiate() {
        SSL_renegotiate(ssl)
        SSL_do_handshake(ssl)
    }
}

/// A ``TLSStream`` and its peer, and the wire between them.
final class TLSPair {
    let files: CertificateFiles
    let client: TLSStream
    let server: TLSPeer
    /// What the socket does with the bytes it is handed.
    var socket: (UnsafeRawBufferPointer) -> Socket.Transfer = { .bytes($0.count) }
    /// What the client's socket has taken and the server has not.
    var onTheWire: [UInt8] = []

    init(
        _ names: String = "DNS:redis.test", expecting name: String = "redis.test",
        version: Int32 = TLS1_3_VERSION
    ) throws {
        files = try CertificateFiles()
        client = try TLSStream(TLSConfiguration(authorityFile: files.ca), host: name)
        server = try TLSPeer(try files.identity(names), version: version)
    }

    /// The client's socket.
    func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
        let transfer = socket(bytes)
        if case .bytes(let count) = transfer { onTheWire += bytes[..<count] }
        return transfer
    }

    /// Carries bytes both ways, in pieces of so many, until there are no more. Returns what came out in the
    /// clear at the client.
    @discardableResult
    func carry(slices size: Int = .max) -> [UInt8] {
        var clear: [UInt8] = []
        repeat {
            _ = client.flush { send($0) }
            for piece in pieces(onTheWire, of: size) { server.take(piece) }
            onTheWire = []
            for piece in pieces(server.takeOutput(), of: size) {
                piece.withUnsafeBytes { client.take($0) }
                clear += decrypt()
            }
            _ = client.flush { send($0) }
        } while !onTheWire.isEmpty
        return clear
    }

    /// The handshake, to its end on both sides.
    func connect(slices size: Int = .max) throws {
        var step = client.handshake()
        while step == .goesOn {
            _ = client.flush { send($0) }
            for piece in pieces(onTheWire, of: size) { server.take(piece) }
            onTheWire = []
            for piece in pieces(server.takeOutput(), of: size) where step == .goesOn {
                piece.withUnsafeBytes { client.take($0) }
                step = client.handshake()
            }
        }
        try #require(step == .done, "\(client.failure ?? "")")
        carry()
    }

    /// All that the client can decrypt now.
    func decrypt() -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while case .bytes(let count) = buffer.withUnsafeMutableBytes({ client.decrypt(into: $0) }) {
            bytes += buffer[..<count]
        }
        return bytes
    }

    /// The client's next step when it reads.
    func nextTransfer() -> Socket.Transfer {
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { client.decrypt(into: $0) }
    }

    private func pieces(_ bytes: [UInt8], of size: Int) -> [[UInt8]] {
        guard size < bytes.count else { return bytes.isEmpty ? [] : [bytes] }
        return stride(from: 0, to: bytes.count, by: size).map {
            Array(bytes[$0..<min($0 + size, bytes.count)])
        }
    }
}

/// A connected socket, in plain text or with TLS.
struct Wire {
    let socket: Socket
    let tls: TLSStream?

    /// Sends what the socket takes of `bytes`, encrypted if there is TLS.
    func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
        guard let tls else { return socket.send(bytes) }
        return tls.send(bytes) { socket.send($0) }
    }

    /// Whether bytes that were taken by ``send(_:)`` wait for the socket.
    var hasUnsent: Bool { tls?.hasUnsent == true }

    /// Sends them. Returns the socket's failure, if it has failed.
    func flush() -> String? {
        tls?.flush { socket.send($0) }
    }

    /// Receives what the socket has: in plain text into `buffer`; with TLS by way of `buffer`, to come out of
    /// ``TLSStream/decrypt(into:)``.
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        let transfer = socket.receive(into: buffer)
        if let tls, case .bytes(let count) = transfer {
            tls.take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        return transfer
    }

    /// Tells the server that nothing more will come, as far as the socket can send it now.
    func end() {
        tls?.end { socket.send($0) }
    }
}

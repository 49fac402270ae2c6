#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A connected or connecting stream socket. Owned by one ``Session``; closed once, by its end.
///
/// Opened here and not by hiredis, so that it is close-on-exec and non-blocking from the start, and writing
/// to a closed peer is an error and not a SIGPIPE.
final class Socket {
    let descriptor: Int32

    enum Transfer {
        case bytes(Int)
        case wouldBlock
        case closed(String)
    }

    deinit { close(descriptor) }

    /// Starts to connect. The connection is up when the socket is writable and ``connectResult()`` is
    /// success.
    init(connectingTo address: SocketAddress) throws(RedisError) {
        #if canImport(Glibc)
            let kind =
                Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else {
            throw Self.failure("cannot open a socket", errno)
        }
        #if !canImport(Glibc)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            setOption(SOL_SOCKET, SO_NOSIGPIPE, 1)
        #endif
        if address.family != AF_UNIX { configureTCP() }
        let descriptor = descriptor
        let result = address.withSockaddr { connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            throw Self.failure("cannot connect to \(address)", errno)
        }
    }

    /// Keep-alive detects a dead peer on an idle connection; the user timeout detects one that does not
    /// acknowledge writes.
    private func configureTCP() {
        setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        setOption(SOL_SOCKET, SO_KEEPALIVE, 1)
        #if canImport(Glibc)
            setOption(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 15)
            setOption(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 5)
            setOption(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
            setOption(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 30_000)
        #endif
    }

    private func setOption(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func failure(_ what: String, _ number: Int32) -> RedisError {
        RedisError(.connectFailed, delivery: .notDelivered, "\(what): \(errorText(number))")
    }

    /// The result of the attempt to connect; nil while it is in progress.
    func connectResult() -> Result<Void, RedisError>? {
        var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&state, 1, 0) > 0 else { return nil }
        var number: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        _ = getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
        return number == 0 ? .success(()) : .failure(Self.failure("cannot connect", number))
    }

    func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
        #if canImport(Glibc)
            let flags = Int32(MSG_NOSIGNAL)
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags)
        #else
            let count = Darwin.send(descriptor, bytes.baseAddress, bytes.count, 0)
        #endif
        return transfer(count)
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        #if canImport(Glibc)
            let count = Glibc.recv(descriptor, buffer.baseAddress, buffer.count, 0)
        #else
            let count = Darwin.recv(descriptor, buffer.baseAddress, buffer.count, 0)
        #endif
        return count == 0 ? .closed("the server closed the connection") : transfer(count)
    }

    private func transfer(_ count: Int) -> Transfer {
        if count >= 0 { return .bytes(count) }
        let number = errno
        return number == EAGAIN || number == EWOULDBLOCK || number == EINTR
            ? .wouldBlock : .closed(errorText(number))
    }
}

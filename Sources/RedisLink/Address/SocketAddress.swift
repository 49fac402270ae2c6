#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An address to connect to: the raw `sockaddr` of one of the system's families.
struct SocketAddress: Sendable, CustomStringConvertible {
    let family: Int32
    let bytes: [UInt8]
    let description: String

    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) { body($0.baseAddress!, socklen_t(bytes.count)) }
        }
    }

    static func unix(_ path: String) throws(RedisError) -> SocketAddress {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard path.utf8.count <= capacity else {
            throw RedisError(
                .invalidConfiguration, delivery: .notDelivered,
                "the socket path is longer than the system's \(capacity) bytes: \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bytes = withUnsafeBytes(of: &address) { Array($0) }
        return SocketAddress(family: AF_UNIX, bytes: bytes, description: path)
    }

    /// The addresses of a host, in the resolver's order. Blocks: never called on a link's thread.
    static func resolve(host: String, port: Int) throws(RedisError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else {
            throw RedisError(
                .connectFailed, delivery: .notDelivered,
                "cannot resolve \(host): \(String(cString: gai_strerror(result)))")
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next?.pointee {
            let bytes = UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen))
            addresses.append(
                SocketAddress(family: info.ai_family, bytes: Array(bytes), description: "\(host):\(port)"))
            next = info.ai_next
        }
        return addresses
    }
}

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The kind of socket that a fake server or a proxy listens on.
package enum Transport: String, Sendable, CaseIterable {
    case unix
    /// TCP on 127.0.0.1.
    case tcp
}

/// An address on this machine.
package enum LocalAddress: Sendable {
    case unix(path: String)
    case tcp(port: UInt16)

    /// Reads `redis://127.0.0.1:port`, the same with `rediss`, and `redis+unix:///path`, with or without user
    /// info, database and query.
    package init?(url: String) {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        var rest = url[scheme.upperBound...]
        let authority = rest[..<(rest.firstIndex(of: "/") ?? rest.endIndex)]
        if let at = authority.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        switch url[..<scheme.lowerBound] {
        case "redis", "rediss":
            let host = rest.prefix { $0 != "/" && $0 != "?" }
            guard let port = host.split(separator: ":").last.flatMap({ UInt16($0) }) else { return nil }
            self = .tcp(port: port)
        case "redis+unix", "unix":
            self = .unix(path: String(rest.prefix { $0 != "?" }))
        default:
            return nil
        }
    }

    /// The URL for a client.
    package var url: String {
        switch self {
        case .unix(let path): "redis+unix://\(path)"
        case .tcp(let port): "redis://127.0.0.1:\(port)"
        }
    }

    var family: Int32 {
        switch self {
        case .unix: AF_UNIX
        case .tcp: AF_INET
        }
    }

    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        switch self {
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { room in
                precondition(path.utf8.count < room.count, "the path of the socket is too long: \(path)")
                room.copyBytes(from: path.utf8)
            }
            return Self.rebound(&address, body)
        case .tcp(let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            return Self.rebound(&address, body)
        }
    }

    private static func rebound<Address, R>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
}

import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A listening socket on this machine: a fresh unix socket, or a free port of 127.0.0.1.
package final class Listener: Sendable {
    let descriptor: Int32
    /// Where clients find it.
    package let address: LocalAddress

    private let isOpen = Atomic<Bool>(true)
    private static let count = Atomic<Int>(0)

    /// - Parameter port: the TCP port. Defaults to a free one.
    /// - Throws: ``WireError`` if the system refuses to listen.
    package init(_ transport: Transport, port: UInt16 = 0) throws(WireError) {
        let wanted: LocalAddress
        switch transport {
        case .unix:
            let number = Self.count.add(1, ordering: .relaxed).newValue
            wanted = .unix(path: "/tmp/holdfast-fake-\(getpid())-\(number).sock")
        case .tcp:
            wanted = .tcp(port: port)
        }
        let descriptor = WireEnd.socket(wanted.family)
        self.descriptor = descriptor
        guard descriptor >= 0 else { throw WireError(system: "no socket to listen on") }
        if case .unix(let path) = wanted { unlink(path) }
        var yes: Int32 = 1
        // For a port whose last server left connections behind, which the system keeps for a minute.
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard wanted.withSockaddr({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, 512) == 0
        else {
            throw WireError(system: "cannot listen on \(wanted.url)")
        }
        address = try Self.bound(descriptor, wanted)
    }

    deinit { stop() }

    /// From now on, connections are refused.
    func stop() {
        guard isOpen.exchange(false, ordering: .relaxed) else { return }
        close(descriptor)
        if case .unix(let path) = address { unlink(path) }
    }

    /// The next waiting connection, already non-blocking; nil if there is none.
    func accept() -> Int32? {
        #if canImport(Glibc)
            let accepted = Glibc.accept(descriptor, nil, nil)
        #else
            let accepted = Darwin.accept(descriptor, nil, nil)
        #endif
        if accepted >= 0 { WireEnd.prepare(accepted) }
        return accepted >= 0 ? accepted : nil
    }

    private static func bound(_ descriptor: Int32, _ wanted: LocalAddress) throws(WireError) -> LocalAddress {
        guard case .tcp = wanted else { return wanted }
        var name = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        guard result == 0 else { throw WireError(system: "no name of the listening socket") }
        return .tcp(port: UInt16(bigEndian: name.sin_port))
    }
}

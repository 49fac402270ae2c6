internal import Foundation

/// A stream socket on this machine with short blocking calls, to talk to the guardian and to check whether
/// the server answers.
///
/// Close-on-exec from the moment it exists (on macOS, which cannot do that, an instant after), and without
/// SIGPIPE.
struct LocalSocket: ~Copyable {
    private let descriptor: Int32

    /// Takes over an open descriptor.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        #if canImport(Darwin)
            var yes: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &yes, socklen_t(MemoryLayout<Int32>.size))
        #endif
    }

    /// Connects to the unix socket at `path`; `nil` if nobody listens there.
    init?(path: String) {
        descriptor = socket(AF_UNIX, Self.stream, 0)
        Self.closeOnExec(descriptor)
        guard path.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else { return nil }
        let descriptor = descriptor
        let connected = LocalAddress.unix(path: path).withSockaddr { connect(descriptor, $0, $1) }
        guard connected == 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Two connected sockets, as bare descriptors.
    static func pair() throws(PrivateRedisServerError) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, stream, 0, &ends) == 0 else {
            throw PrivateRedisServerError(
                .system, "No socket could be created: \(String(cString: strerror(errno)))")
        }
        ends.forEach(closeOnExec)
        return (ends[0], ends[1])
    }

    /// A TCP port of 127.0.0.1 that nobody uses at this moment.
    ///
    /// Not one of those that the system gives to connecting sockets: while a server is down, such a port can
    /// be given to any connection, and a client that tries again and again to reach the server can even be
    /// given that very port and be connected to itself.
    static func freeTCPPort() throws(PrivateRedisServerError) -> Int {
        for _ in 0..<100 {
            let port = UInt16.random(in: 10_240..<32_768)
            if canBind(port) { return Int(port) }
        }
        throw PrivateRedisServerError(.system, "No free TCP port: \(String(cString: strerror(errno)))")
    }

    private static func canBind(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, stream, 0)
        closeOnExec(descriptor)
        defer { close(descriptor) }
        return LocalAddress.tcp(port: port).withSockaddr { bind(descriptor, $0, $1) == 0 }
    }

    /// Sends all of `text`; `false` when the other side is gone.
    borrowing func send(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Self.noSignal)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// The next line without its end; `nil` when the other side is gone or the time is up.
    borrowing func receiveLine(within time: Duration) -> String? {
        let deadline = ContinuousClock.now + time
        var line: [UInt8] = []
        while waitForInput(until: deadline) {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, 0)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") {
                return String(decoding: line, as: UTF8.self)
            }
            if byte != UInt8(ascii: "\r") {
                line.append(byte)
            }
        }
        return nil
    }

    /// Tells the other side that nothing more will come.
    borrowing func endSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    private borrowing func waitForInput(until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = max(.zero, deadline - .now)
            var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&state, 1, Int32(min(left.components.seconds, 3600) * 1000) + 1)
            if count > 0 { return true }
            if count == 0, left == .zero { return false }
            if count < 0, errno != EINTR { return false }
        }
    }

    #if os(Linux)
        private static let stream = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        private static let noSignal = Int32(MSG_NOSIGNAL)

        private static func closeOnExec(_ descriptor: Int32) {}
    #else
        private static let stream = SOCK_STREAM
        private static let noSignal: Int32 = 0

        private static func closeOnExec(_ descriptor: Int32) {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    #endif
}

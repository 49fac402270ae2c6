#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One end of a connection: what has come in, and what is to go out, and when.
///
/// Effects are queued and carried out in order, none before its time. So "reply, wait, send half of another,
/// reset" is four lines for the caller and never blocks the thread that serves other connections. Confined to
/// that thread.
package final class WireEnd {
    /// What is done to a connection.
    package enum Effect {
        case bytes([UInt8])
        /// Tells the other side that nothing more will come, and keeps reading.
        case halfClose
        case close
        /// Closes with a RST, where the transport has one: the other side gets an error instead of an end.
        case reset
    }

    private struct Queued {
        var effect: Effect
        var notBefore: ContinuousClock.Instant
    }

    let descriptor: Int32
    /// The bytes that were received and that the owner has not taken yet.
    package var input: [UInt8] = []
    /// The other side has sent its last byte.
    package private(set) var inputEnded = false
    /// Whether this side has not closed it.
    package private(set) var isOpen = true
    /// An end is queued: anything queued after it is dropped.
    private var isEnding = false
    /// Whether what arrives is read at all.
    package var reads = true

    private var outbox: [Queued] = []
    private var time = ContinuousClock.now

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var yes: Int32 = 1
        // Fails on a unix socket, where there is nothing to switch off.
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(reset: false) }

    // MARK: What is to go out

    /// Queues an effect after the earlier ones.
    package func perform(_ effect: Effect) {
        guard !isEnding else { return }
        switch effect {
        case .bytes, .halfClose: break
        case .close, .reset: isEnding = true
        }
        time = max(time, .now)
        outbox.append(Queued(effect: effect, notBefore: time))
    }

    /// Delays everything that is queued from now on.
    package func delay(_ duration: Duration) {
        time = max(time, .now) + duration
    }

    /// The events to wait for.
    var interest: Int16 {
        var events: Int16 = 0
        if reads, !inputEnded { events |= Int16(POLLIN) }
        if let first = outbox.first, first.notBefore <= .now { events |= Int16(POLLOUT) }
        return events
    }

    /// When the first queued effect becomes due; nil if it is due already, or there is none.
    var nextTime: ContinuousClock.Instant? {
        outbox.first.flatMap { $0.notBefore > .now ? $0.notBefore : nil }
    }

    /// Carries out what is due, as far as the socket takes it.
    func flush() {
        while isOpen, let next = outbox.first, next.notBefore <= .now {
            switch next.effect {
            case .bytes(let bytes):
                let count = bytes.withUnsafeBytes {
                    send(descriptor, $0.baseAddress, $0.count, Self.sendFlags)
                }
                if count < 0 {
                    if errno != EAGAIN && errno != EINTR { close(reset: false) }
                    return
                }
                guard count == bytes.count else {
                    outbox[0].effect = .bytes(Array(bytes[count...]))
                    return
                }
            case .halfClose:
                shutdown(descriptor, Int32(SHUT_WR))
            case .close:
                close(reset: false)
                return
            case .reset:
                close(reset: true)
                return
            }
            outbox.removeFirst()
        }
    }

    // MARK: What comes in

    /// Reads what is there. Returns false if there was nothing.
    func receive() -> Bool {
        guard isOpen, reads, !inputEnded else { return false }
        return withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 {
                input.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                return true
            }
            guard count == 0 || (errno != EAGAIN && errno != EINTR) else { return false }
            inputEnded = true
            return true
        }
    }

    /// Closes at once, and drops what is queued.
    ///
    /// - Parameter reset: whether to send a RST, where the transport has one.
    package func close(reset: Bool) {
        guard isOpen else { return }
        isOpen = false
        outbox = []
        if reset {
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        } else {
            // This also ends a connection whose descriptor a child process inherited before it was
            // close-on-exec.
            shutdown(descriptor, Int32(SHUT_RDWR))
        }
        Self.closeDescriptor(descriptor)
    }

    private static func closeDescriptor(_ descriptor: Int32) {
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }
}

extension WireEnd {
    /// Connects to a server on this machine, which answers at once or not at all.
    package convenience init(connectingTo address: LocalAddress) throws(WireError) {
        let descriptor = Self.socket(address.family)
        guard descriptor >= 0 else { throw WireError(system: "no socket") }
        self.init(descriptor: descriptor)
        let result = address.withSockaddr { connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            throw WireError(system: "cannot connect to \(address.url)")
        }
    }

    /// A non-blocking stream socket that no child process inherits.
    static func socket(_ family: Int32) -> Int32 {
        #if canImport(Glibc)
            let descriptor = Glibc.socket(
                family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
            let descriptor = Darwin.socket(family, SOCK_STREAM, 0)
        #endif
        if descriptor >= 0 { prepare(descriptor) }
        return descriptor
    }

    static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        #if canImport(Darwin)
            var yes: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &yes, socklen_t(MemoryLayout<Int32>.size))
        #endif
    }

    #if canImport(Glibc)
        private static let sendFlags = Int32(MSG_NOSIGNAL)
    #else
        private static let sendFlags: Int32 = 0
    #endif
}

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a ``Session`` reports, always inside a turn of its thread.
protocol SessionDelegate: AnyObject, Sendable {
    /// Connected and authenticated: commands can be appended.
    func sessionIsReady()
    func sessionReceived(_ value: RedisValue)
    /// The attempt or the connection ended; the socket had taken `sent` bytes. The session tries again by
    /// itself.
    func sessionFailed(_ error: RedisError, sent: UInt64)
}

/// One connection after the other to the same server: resolve, connect, authenticate, move bytes, and again.
///
/// Unchecked: every property is touched only inside turns of `thread`; what leaves them (name resolution)
/// comes back through ``LinkThread/submit(_:)``.
final class Session: LinkSource, @unchecked Sendable {
    private let configuration: RedisConfiguration
    private let thread: LinkThread
    weak var delegate: (any SessionDelegate)?

    @exclusivity(unchecked) private var state = SessionState()
    @exclusivity(unchecked) private var socket: Socket?
    @exclusivity(unchecked) private var tls: TLSStream?
    private var addresses: [SocketAddress] = []
    @exclusivity(unchecked) private var parser: ReplyParser
    @exclusivity(unchecked) private var output = CommandBuffer()
    private var timer: LinkThread.TimerID?
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    @exclusivity(unchecked) private(set) var lastReceived = ContinuousClock.now

    init(configuration: RedisConfiguration, thread: LinkThread) {
        self.configuration = configuration
        self.thread = thread
        parser = ReplyParser(maximumReplyBytes: configuration.maximumReplyBytes)
    }

    deinit { input.deallocate() }

    var isReady: Bool { state.phase == .ready }

    // MARK: Asked by the owner

    /// Begins to connect unless that is under way or done.
    func open() {
        if state.begin() { startAttempt() }
    }

    private func startAttempt() {
        thread.attach(self)
        let attempt = state.attempt
        setTimer(after: configuration.connectTimeout) { session in
            session.fail(session.attemptTimedOut)
        }
        switch configuration.endpoint {
        case .unix(let path):
            resolved(attempt: attempt, Result { () throws(RedisError) in [try SocketAddress.unix(path)] })
        case .tcp(let host, let port):
            // getaddrinfo blocks, for as long as the name service likes: it has a thread of its own.
            startThread { [self] in
                let result = Result { () throws(RedisError) in
                    try SocketAddress.resolve(host: host, port: port)
                }
                thread.submit { self.resolved(attempt: attempt, result) }
            }
        }
    }

    /// Appends a command; it leaves at the end of the turn. Returns the offset of its last byte.
    func append(_ command: RedisCommand) -> UInt64 {
        output.append(command)
    }

    /// Gives the connection up, and tries again after a back-off.
    func fail(_ error: RedisError) {
        let sent = output.sent
        guard let wait = state.failed(random: .random(in: 0..<1)) else { return }
        disconnect()
        setTimer(after: wait) { session in
            if session.state.retry() { session.startAttempt() }
        }
        delegate?.sessionFailed(error, sent: sent)
    }

    func close() {
        state.close()
        disconnect()
    }

    // MARK: Steps of an attempt

    private func resolved(attempt: Int, _ result: Result<[SocketAddress], RedisError>) {
        guard state.resolved(attempt: attempt) else { return }
        switch result {
        case .success(let addresses):
            self.addresses = addresses
            connectToNextAddress(
                after: RedisError(.connectFailed, delivery: .notDelivered, "the host has no address"))
        case .failure(let error):
            fail(error)
        }
    }

    private func connectToNextAddress(after error: RedisError) {
        var failure = error
        while !addresses.isEmpty {
            do throws(RedisError) {
                socket = try Socket(connectingTo: addresses.removeFirst())
                return
            } catch {
                failure = error
            }
        }
        fail(failure)
    }

    private func finishConnecting() {
        switch socket?.connectResult() {
        case nil:
            return
        case .failure(let error)?:
            socket = nil
            connectToNextAddress(
                after: RedisError(
                    error.code, delivery: error.delivery,
                    "\(error.message) (\(configuration.endpoint))"))
        case .success?:
            guard let tls = configuration.tls else { return greet() }
            do throws(RedisError) {
                self.tls = try TLSStream(tls, host: configuration.endpoint.host)
                state.secure()
                secure()
            } catch {
                fail(error)
            }
        }
    }

    private func secure() {
        guard let tls, socket != nil else { return }
        let step = tls.handshake()
        // Whatever the outcome: an alert tells the server why.
        let unsent = flushTLS()
        switch step {
        case .done:
            greet()
        case .goesOn:
            guard let unsent else { return }
            // The server's last words may tell why it is gone.
            if case .bytes = receiveEncrypted(tls) { _ = tls.handshake() }
            fail(lost(unsent))
        case .failed:
            fail(lost("during the TLS handshake"))
        }
    }

    private func greet() {
        let greeting = configuration.greeting
        for command in greeting { _ = output.append(command) }
        if state.connected(greeting: greeting.count) { becomeReady() }
    }

    private func becomeReady() {
        cancelTimer()
        delegate?.sessionIsReady()
    }

    private func disconnect() {
        cancelTimer()
        if let socket { tls?.end { socket.send($0) } }
        socket = nil
        tls = nil
        addresses = []
        output = CommandBuffer()
        parser = ReplyParser(maximumReplyBytes: configuration.maximumReplyBytes)
    }

    private func setTimer(after wait: Duration, _ fire: @escaping (Session) -> Void) {
        cancelTimer()
        timer = thread.schedule(at: .now + wait) { [weak self] in
            guard let self else { return }
            timer = nil
            fire(self)
        }
    }

    private func cancelTimer() {
        if let timer { thread.cancel(timer) }
        timer = nil
    }

    // MARK: Called by the thread

    var watched: (descriptor: Int32, events: Int16)? {
        guard let descriptor = socket?.descriptor else { return nil }
        let writing = state.phase == .connecting || !output.isEmpty || tls?.hasUnsent == true
        return (descriptor, Int16(POLLIN) | (writing ? Int16(POLLOUT) : 0))
    }

    /// Events are hints: a borrowed turn may have replaced the socket that had them.
    func ready(_ events: Int16) {
        switch state.phase {
        case .connecting: finishConnecting()
        case .securing: receiveHandshake()
        case .greeting, .ready: receive()
        case .idle, .resolving, .waiting, .closed: break
        }
    }

    func flush() {
        guard socket != nil, state.phase != .connecting, state.phase != .securing else { return }
        guard let reason = flushTLS() ?? output.drain({ send($0) }) else { return }
        // The server's last words, such as the replies before its end, may still be unread.
        receive()
        fail(lost(reason))
    }

    // MARK: Bytes

    private func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
        guard let tls else { return socket?.send(bytes) ?? .wouldBlock }
        return socket.map { socket in tls.send(bytes) { socket.send($0) } } ?? .wouldBlock
    }

    private func flushTLS() -> String? {
        tls.flatMap { tls in socket.flatMap { socket in tls.flush { socket.send($0) } } }
    }

    private func receiveEncrypted(_ tls: TLSStream) -> Socket.Transfer {
        let transfer = socket?.receive(into: input) ?? .wouldBlock
        if case .bytes(let count) = transfer { tls.take(UnsafeRawBufferPointer(rebasing: input[..<count])) }
        return transfer
    }

    private func receive() {
        guard let tls else {
            accept(socket?.receive(into: input) ?? .wouldBlock)
            return
        }
        // One piece of ciphertext may hold many records, or none that is whole. What came before an end
        // counts.
        let transfer = receiveEncrypted(tls)
        while self.tls === tls, accept(tls.decrypt(into: input)) {}
        if self.tls === tls, case .closed(let reason) = transfer { fail(lost(reason)) }
    }

    private func receiveHandshake() {
        guard let tls else { return }
        if case .closed(let reason) = receiveEncrypted(tls) {
            return fail(lost("\(reason) in the TLS handshake, as one without TLS does, and a full one"))
        }
        secure()
        // Replies cannot have come yet, but the server's last handshake records may have brought more.
        if state.phase != .securing { receive() }
    }

    /// Parses what was received. True: there may be more.
    @discardableResult
    private func accept(_ transfer: Socket.Transfer) -> Bool {
        switch transfer {
        case .wouldBlock:
            return false
        case .closed(let reason):
            fail(lost(reason))
            return false
        case .bytes(let count):
            lastReceived = thread.now
            do throws(RedisError) {
                try parser.feed(UnsafeRawBufferPointer(rebasing: input[..<count]))
                let attempt = state.attempt
                // A reply may end the session (a refused greeting, one reply too many): then the rest is
                // void.
                while socket != nil, attempt == state.attempt, let value = try parser.next() {
                    received(value)
                }
                return socket != nil && attempt == state.attempt
            } catch {
                fail(error)
                return false
            }
        }
    }

    private func received(_ value: RedisValue) {
        guard case .greeting = state.phase else {
            delegate?.sessionReceived(value)
            return
        }
        guard case .error(let text) = value, !configuration.isOnlyProbed || text.refusesEverything else {
            if state.greeted() { becomeReady() }
            return
        }
        // The socket must go: after a failed AUTH the server would serve it as the default user.
        let refused =
            text.hasPrefix("WRONGPASS") || text.hasPrefix("NOAUTH") || text.hasPrefix("NOPERM")
            || text.hasPrefix("ERR AUTH") || text.hasPrefix("ERR Client sent AUTH")
        fail(
            RedisError(
                refused ? .authenticationFailed : .connectFailed, delivery: .notDelivered,
                "\(configuration.endpoint) refused the connection: \(text)",
                replyKind: RedisError(reply: text).replyKind))
    }

    private var attemptTimedOut: RedisError {
        let missing =
            switch state.phase {
            case .securing: ": no answer to the TLS handshake, does it speak TLS on this port?"
            case .greeting: ": no answer to the first command"
            case .idle, .resolving, .connecting, .ready, .waiting, .closed: ""
            }
        return RedisError(
            .connectFailed, delivery: .notDelivered,
            "no connection to \(configuration.endpoint) within \(configuration.connectTimeout)\(missing)")
    }

    private func lost(_ reason: String) -> RedisError {
        let isNew = state.phase != .ready
        // In TLS 1.3 a server refuses a client's certificate when for the client the handshake is over.
        if isNew, let refusal = tls?.failure {
            return RedisError(
                .tlsFailed, delivery: .notDelivered,
                "no TLS connection to \(configuration.endpoint): \(refusal)")
        }
        return RedisError(
            isNew ? .connectFailed : .connectionLost, delivery: isNew ? .notDelivered : .unknown,
            "the connection to \(configuration.endpoint) was lost: \(reason)")
    }
}

extension RedisConfiguration {
    /// Whether the greeting has nothing to set up and only asks whether the server serves us.
    fileprivate var isOnlyProbed: Bool {
        password == nil && database == 0 && clientName == nil
    }

    /// The commands that make a new connection ours. At least one: a server that is full, or wants a
    /// password, says so in reply to the first command only, and a connection is no success before.
    fileprivate var greeting: [RedisCommand] {
        var commands: [RedisCommand] = []
        if let password {
            let credentials = user.map { [RedisArgument($0)] } ?? []
            commands.append(RedisCommand(["AUTH"] + credentials + [.string(password.value)]))
        }
        if database != 0 { commands.append(["SELECT", RedisArgument(database)]) }
        if let clientName { commands.append(["CLIENT", "SETNAME", .string(clientName)]) }
        if isOnlyProbed { commands.append(["PING"]) }
        return commands
    }
}

extension String {
    /// Whether this reply to a `PING` means that no command will be served on its connection. Others, such as
    /// `LOADING` or `BUSY`, pass: commands get the server's own word for it.
    fileprivate var refusesEverything: Bool {
        hasPrefix("NOAUTH") || hasPrefix("ERR max number of clients")
    }
}

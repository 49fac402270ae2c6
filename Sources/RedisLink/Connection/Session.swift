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
    /// Whether it is the link's connection for messages.
    private let listens: Bool
    weak var delegate: (any SessionDelegate)?

    @exclusivity(unchecked) private var state = SessionState()
    @exclusivity(unchecked) private var socket: Socket?
    @exclusivity(unchecked) private var tls: TLSStream?
    private var addresses: [SocketAddress] = []
    /// Asks the owner for the credentials, while it is waited for.
    private var asking: Task<Void, Never>?
    private var credentials: Credentials?
    private var greeting: Greeting?
    @exclusivity(unchecked) private var parser: ReplyParser
    @exclusivity(unchecked) private var output = CommandBuffer()
    private var timer: LinkThread.TimerID?
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    @exclusivity(unchecked) private(set) var lastReceived: ContinuousClock.Instant?
    /// How much had been sent when something was last received.
    @exclusivity(unchecked) private var sentWhenReceived: UInt64 = 0
    /// When the present attempt is given up.
    private var attemptEnds = ContinuousClock.now
    private var addressTimer: LinkThread.TimerID?

    init(configuration: RedisConfiguration, thread: LinkThread, listens: Bool) {
        self.configuration = configuration
        self.thread = thread
        self.listens = listens
        parser = ReplyParser(maximumReplyBytes: configuration.maximumReplyBytes)
    }

    deinit { input.deallocate() }

    var isReady: Bool { state.phase == .ready }
    /// How many bytes of this connection the socket has taken.
    var sent: UInt64 { output.sent }

    // MARK: Asked by the owner

    /// Begins to connect unless that is under way or done.
    func open() {
        if state.begin() { startAttempt() }
    }

    private func startAttempt() {
        thread.attach(self)
        let attempt = state.attempt
        attemptEnds = .now + configuration.connectTimeout
        setTimer(after: configuration.connectTimeout) { session in
            session.fail(session.attemptTimedOut)
        }
        switch configuration.endpoint {
        case .unix(let path):
            resolved(attempt: attempt, Result { () throws(RedisError) in [try SocketAddress.unix(path)] })
        case .tcp(let host, let port):
            // getaddrinfo blocks, for as long as the name service likes: it has a thread of its own.
            do throws(RedisError) {
                try startThread { [self] in
                    let result = Result { () throws(RedisError) in
                        try configuration.resolve(host, port)
                    }
                    thread.submit { self.resolved(attempt: attempt, result) }
                }
            } catch {
                fail(error)
            }
        }
    }

    /// Appends a command; it leaves at the end of the turn. Returns the offset of its last byte.
    func append(_ command: RedisCommand) -> UInt64 {
        output.append(command)
    }

    /// Gives the connection up, and tries again after a back-off.
    ///
    /// - Parameter unfit: see ``SessionState/failed(random:unfit:)``.
    func fail(_ error: RedisError, unfit: Bool = false) {
        let sent = output.sent
        guard let wait = state.failed(random: .random(in: 0..<1), unfit: unfit) else { return }
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
                let share = (attemptEnds - .now) / addresses.count
                let address = addresses.removeFirst()
                socket = try Socket(connectingTo: address)
                if !addresses.isEmpty { limitConnecting(to: share, address) }
                return
            } catch {
                failure = error
            }
        }
        fail(failure)
    }

    /// An address that does not answer at all must leave the others their part of the connect timeout.
    private func limitConnecting(to share: Duration, _ address: SocketAddress) {
        addressTimer = thread.schedule(at: .now + share) { [weak self] in
            guard let self else { return }
            addressTimer = nil
            guard state.phase == .connecting else { return }
            socket = nil
            connectToNextAddress(
                after: RedisError(
                    .connectFailed, delivery: .notDelivered, "no answer from \(address) within \(share)"))
        }
    }

    private func cancelAddressTimer() {
        if let addressTimer { thread.cancel(addressTimer) }
        addressTimer = nil
    }

    private func finishConnecting() {
        guard let result = socket?.connectResult() else { return }
        cancelAddressTimer()
        switch result {
        case .failure(let error):
            socket = nil
            connectToNextAddress(
                after: RedisError(
                    error.code, delivery: error.delivery,
                    "\(error.message) (\(configuration.endpoint))"))
        case .success:
            guard let tls = configuration.tls else { return authorize() }
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
            authorize()
        case .goesOn:
            guard let unsent else { return }
            // The server's last words may tell why it is gone.
            if case .bytes = receiveEncrypted(tls) { _ = tls.handshake() }
            fail(lost(unsent))
        case .failed:
            fail(lost("during the TLS handshake"))
        }
    }

    // MARK: Credentials and greeting

    private func authorize() {
        switch configuration.credentials {
        case .none: greet(as: nil)
        case .fixed(let credentials): greet(as: credentials)
        case .asked(let ask):
            state.authorize()
            let attempt = state.attempt
            // The owner's code never runs on the link's thread. If it hangs, it holds neither session nor
            // socket: the attempt ends by its timeout and this task is cancelled.
            asking = Task.detached { [weak self, thread] in
                let result: Result<Credentials, RedisError>
                do {
                    result = .success(try await ask())
                } catch {
                    result = .failure(Self.noCredentials("threw \(type(of: error))"))
                }
                thread.submit { [weak self] in self?.authorized(attempt: attempt, result) }
            }
        }
    }

    private func authorized(attempt: Int, _ result: Result<Credentials, RedisError>) {
        guard state.isAuthorizing(attempt: attempt) else { return }
        asking = nil
        switch result {
        case .success(let credentials): greet(as: credentials)
        case .failure(let error): fail(error)
        }
    }

    /// The error's own text is left out: nobody knows what a secrets service writes into it.
    private static func noCredentials(_ reason: String) -> RedisError {
        RedisError(
            .credentialsUnavailable, delivery: .notDelivered,
            "no credentials for Redis: the closure that is asked for them \(reason)")
    }

    /// The credentials go alone. After a failed AUTH a server would take what follows for the default user's.
    private func greet(as credentials: Credentials?) {
        self.credentials = credentials
        let greeting = Greeting(configuration, isAuthenticated: credentials != nil, listens: listens)
        self.greeting = greeting
        if let credentials {
            _ = output.append(RedisCommand(credentials.command))
        } else {
            for command in greeting.commands { _ = output.append(command) }
        }
        if state.connected(greeting: greeting.commands.count + (credentials == nil ? 0 : 1)) { becomeReady() }
    }

    private func greeted(_ value: RedisValue) {
        if credentials != nil {
            if case .error(let text) = value { return refused(text) }
            credentials = nil
            for command in greeting?.commands ?? [] { _ = output.append(command) }
        } else {
            switch greeting?.replied(value) {
            case .goesOn, nil: break
            case .refused(let text): return refused(text)
            case .failed(let error): return fail(error)
            }
        }
        if state.greeted() { becomeReady() }
    }

    /// The socket must go: after a failed AUTH the server would serve it as the default user.
    private func refused(_ text: String) {
        let reply = ErrorReply(credentials?.redacted(text) ?? text)
        let isAboutUs = ["NOPERM", "ERR"].contains(reply.kind) && !reply.rule.needsNewConnection
        let code: RedisError.Code =
            if ["WRONGPASS", "NOAUTH"].contains(reply.kind) || credentials != nil && isAboutUs {
                .authenticationFailed
            } else if reply.denied == nil {
                .connectFailed
            } else {
                .permissionDenied
            }
        var error = RedisError(
            code, delivery: .notDelivered,
            "\(configuration.endpoint) refused the connection: \(reply.text)",
            replyKind: RedisError(reply).replyKind)
        error.permission = reply.denied
        fail(error)
    }

    private func becomeReady() {
        cancelTimer()
        delegate?.sessionIsReady()
    }

    private func disconnect() {
        cancelTimer()
        cancelAddressTimer()
        if let socket { tls?.end { socket.send($0) } }
        socket = nil
        tls = nil
        asking?.cancel()
        asking = nil
        credentials = nil
        greeting = nil
        addresses = []
        output = CommandBuffer()
        sentWhenReceived = 0
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
        case .authorizing, .greeting, .ready: receive()
        case .idle, .resolving, .waiting, .closed: break
        }
    }

    var isAwaiting: Bool { socket != nil && output.sent != sentWhenReceived }

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
            sentWhenReceived = output.sent
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
        switch state.phase {
        case .greeting: greeted(value)
        case .authorizing:
            // Unasked: a server that is full says so and goes.
            refused(value.errorText ?? "a reply that no command asked for")
        case .ready, .idle, .resolving, .connecting, .securing, .waiting, .closed:
            delegate?.sessionReceived(value)
        }
    }

    private var attemptTimedOut: RedisError {
        let missing: String
        switch state.phase {
        case .securing: missing = ": no answer to the TLS handshake, does it speak TLS on this port?"
        case .authorizing: return Self.noCredentials("did not answer within \(configuration.connectTimeout)")
        case .greeting: missing = ": no answer to the first command"
        case .idle, .resolving, .connecting, .ready, .waiting, .closed: missing = ""
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
        var message = "the connection to \(configuration.endpoint) was lost: \(reason)"
        if isNew, lastReceived == nil, tls == nil, case .tcp = configuration.endpoint {
            message += " before the first answer; one that speaks TLS does that, and needs rediss://"
        }
        return RedisError(
            isNew ? .connectFailed : .connectionLost, delivery: isNew ? .notDelivered : .unknown, message)
    }
}

extension Credentials {
    /// What a server answered to the credentials, without them: one that does not know AUTH repeats its
    /// arguments.
    fileprivate func redacted(_ text: String) -> String {
        let arguments = text.firstRange(of: "with args beginning with")
        let told = text[..<(arguments?.lowerBound ?? text.endIndex)]
        return String(password.value.isEmpty ? told : told.replacing(password.value, with: "<secret>")[...])
    }
}

extension RedisValue {
    var errorText: String? {
        guard case .error(let text) = self else { return nil }
        return text
    }
}

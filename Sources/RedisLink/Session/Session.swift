#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One connection after another to the same server: resolve, connect, authenticate, move bytes, start again.
///
/// Unchecked: every property is touched only inside turns of `thread`; what leaves them (name resolution)
/// comes back through ``LinkThread/submit(_:)``.
final class Session: LinkSource, @unchecked Sendable {
    private let configuration: RedisConfiguration
    private let thread: LinkThread
    /// Whether this is the link's connection for messages.
    private let listens: Bool
    weak var delegate: (any SessionDelegate)?

    @exclusivity(unchecked) private var state = SessionState()
    private var dialer: Dialer?
    @exclusivity(unchecked) private var wire: Wire?
    /// The task that asks the owner for the credentials, while we wait for it.
    private var asking: Task<Void, Never>?
    private var greeting: Greeting?
    @exclusivity(unchecked) private var parser: ReplyParser
    @exclusivity(unchecked) private var output = CommandBuffer()
    private var timer: LinkThread.TimerID?
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    @exclusivity(unchecked) private(set) var lastReceived: ContinuousClock.Instant?
    /// How much had been sent when something was last received.
    @exclusivity(unchecked) private var sentWhenReceived: UInt64 = 0
    /// When the current attempt is given up.
    private var attemptEnds = ContinuousClock.now

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
            session.fail(session.failure.timedOut)
        }
        switch configuration.endpoint {
        case .unix(let path):
            resolved(attempt: attempt, Result { () throws(RedisError) in [try SocketAddress.unix(path)] })
        case .tcp(let host, let port):
            // getaddrinfo blocks for as long as name resolution takes: it gets a thread of its own.
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

    /// Appends a command; it is sent at the end of the turn. Returns the offset of its last byte.
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
            let dialer = Dialer(addresses, of: configuration.endpoint, until: attemptEnds, on: thread) {
                [weak self] result in self?.dialed(result)
            }
            self.dialer = dialer
            dialer.start()
        case .failure(let error):
            fail(error)
        }
    }

    private func dialed(_ result: Result<Socket, RedisError>) {
        dialer = nil
        do throws(RedisError) {
            let socket = try result.get()
            let tls = try configuration.tls.map { tls throws(RedisError) in
                try TLSStream(tls, host: configuration.endpoint.host)
            }
            wire = Wire(socket: socket, tls: tls)
        } catch {
            return fail(error)
        }
        guard wire?.tls != nil else { return authorize() }
        state.secure()
        secure()
    }

    private func secure() {
        guard let wire, let tls = wire.tls else { return }
        let step = tls.handshake()
        // Whatever the outcome: OpenSSL's alert tells the server why.
        let unsent = wire.flush()
        switch step {
        case .done:
            authorize()
        case .goesOn:
            guard let unsent else { return }
            // The server's last bytes may say why it closed.
            if case .bytes = wire.receive(into: input) { _ = tls.handshake() }
            fail(failure.lost(unsent))
        case .failed:
            fail(failure.lost("during the TLS handshake"))
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
                    result = .failure(SessionFailure.noCredentials("threw \(type(of: error))"))
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

    private func greet(as credentials: Credentials?) {
        let greeting = Greeting(configuration, as: credentials, listens: listens)
        self.greeting = greeting
        for command in greeting.opening { _ = output.append(command) }
        state.greet()
    }

    private func greeted(_ value: RedisValue) {
        switch greeting?.replied(value) {
        case nil: break
        case .goesOn(let commands): for command in commands { _ = output.append(command) }
        case .failed(let error): fail(error)
        case .done:
            greeting = nil
            state.greeted()
            cancelTimer()
            delegate?.sessionIsReady()
        }
    }

    private func disconnect() {
        cancelTimer()
        dialer?.cancel()
        dialer = nil
        wire?.end()
        wire = nil
        asking?.cancel()
        asking = nil
        greeting = nil
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
        if let descriptor = dialer?.descriptor { return (descriptor, Int16(POLLIN) | Int16(POLLOUT)) }
        guard let wire else { return nil }
        let isWriting = !output.isEmpty || wire.hasUnsent
        return (wire.socket.descriptor, Int16(POLLIN) | (isWriting ? Int16(POLLOUT) : 0))
    }

    /// Events are hints: a borrowed turn may have replaced the socket that had them.
    func ready(_ events: Int16) {
        switch state.phase {
        case .connecting: dialer?.ready()
        case .securing: receiveHandshake()
        case .authorizing, .greeting, .ready: receive()
        case .idle, .resolving, .waiting, .closed: break
        }
    }

    var isAwaiting: Bool { wire != nil && output.sent != sentWhenReceived }

    func flush() {
        guard let wire, state.phase != .securing else { return }
        guard let reason = wire.flush() ?? output.drain({ wire.send($0) }) else { return }
        // The server's last bytes, such as the replies before its end, may still be unread.
        receive()
        fail(failure.lost(reason))
    }

    // MARK: Bytes

    private func receive() {
        guard let wire else { return }
        let transfer = wire.receive(into: input)
        guard let tls = wire.tls else {
            accept(transfer)
            return
        }
        // One piece of ciphertext may hold many records, or no complete one. What arrived before the end of
        // the stream counts.
        while self.wire?.tls === tls, accept(tls.decrypt(into: input)) {}
        if self.wire?.tls === tls, case .closed(let reason) = transfer { fail(failure.lost(reason)) }
    }

    private func receiveHandshake() {
        if case .closed(let reason) = wire?.receive(into: input) {
            return fail(
                failure.lost("\(reason) in the TLS handshake, as one without TLS does, or a full one"))
        }
        secure()
        // Replies cannot have arrived yet, but more may have come with the server's last handshake records.
        if state.phase != .securing { receive() }
    }

    /// Parses what was received. Returns true if there may be more.
    @discardableResult
    private func accept(_ transfer: Socket.Transfer) -> Bool {
        switch transfer {
        case .wouldBlock:
            return false
        case .closed(let reason):
            fail(failure.lost(reason))
            return false
        case .bytes(let count):
            lastReceived = thread.now
            sentWhenReceived = output.sent
            do throws(RedisError) {
                try parser.feed(UnsafeRawBufferPointer(rebasing: input[..<count]))
                let attempt = state.attempt
                // A reply may end the session (a refused greeting, one reply too many): then the rest is
                // void.
                while wire != nil, attempt == state.attempt, let value = try parser.next() {
                    received(value)
                }
                return wire != nil && attempt == state.attempt
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
            // Unasked: a server that is full says so and closes the connection.
            fail(
                Greeting.refusal(
                    value.errorText ?? "a reply that no command asked for", by: configuration.endpoint))
        case .ready, .idle, .resolving, .connecting, .securing, .waiting, .closed:
            delegate?.sessionReceived(value)
        }
    }

    private var failure: SessionFailure {
        SessionFailure(
            phase: state.phase, configuration: configuration, tlsFailure: wire?.tls?.failure,
            isEncrypted: wire?.tls != nil, hasReceived: lastReceived != nil)
    }
}

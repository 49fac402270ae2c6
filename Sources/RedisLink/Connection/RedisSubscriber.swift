internal import DequeModule

/// The actor of the one connection that only listens.
///
/// Messages are hints: those published while it is not connected are lost. After each reconnection every
/// handler is called once with an empty message, so that waiters look for themselves.
actor RedisSubscriber: LinkActor, SessionDelegate {
    private struct Handler {
        var id: UInt64
        var call: @Sendable ([UInt8]) -> Void
        var refuse: @Sendable (RedisError) -> Void
    }

    /// A command whose reply is outstanding. One command has one channel: a server refuses or accepts it
    /// whole.
    private struct Asked {
        var command: RedisArgument
        var channel: ExactText
    }

    nonisolated let thread: LinkThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let session: Session
    private var handlers: [ExactText: [Handler]] = [:]
    /// The channels whose subscription the server has confirmed on this connection.
    private var confirmed: Set<ExactText> = []
    private var asked = Deque<Asked>()
    /// Why there is no connection, as last reported: the attempts continue, and mostly fail in the same way.
    private var toldFailure: RedisError?
    private let observe: LinkObserver
    private var isClosed = false
    private weak var owner: (any ConnectionOwner)?

    init(
        configuration: RedisConfiguration, thread: LinkThread, observe: @escaping LinkObserver,
        owner: any ConnectionOwner
    ) {
        self.owner = owner
        self.thread = thread
        self.observe = observe
        session = Session(configuration: configuration, thread: thread, listens: true)
        session.delegate = self
    }

    func add(
        _ channel: String, id: UInt64, _ call: @escaping @Sendable ([UInt8]) -> Void,
        onRefusal refuse: @escaping @Sendable (RedisError) -> Void
    ) {
        guard !isClosed else { return }
        let channel = ExactText(channel)
        let known = handlers[channel] != nil
        handlers[channel, default: []].append(Handler(id: id, call: call, refuse: refuse))
        if confirmed.contains(channel) {
            call([])
        } else if session.isReady {
            if !known { ask("SUBSCRIBE", channel) }
        } else {
            session.open()
        }
    }

    func remove(_ channel: String, id: UInt64) {
        let channel = ExactText(channel)
        handlers[channel]?.removeAll { $0.id == id }
        guard handlers[channel]?.isEmpty == true else { return }
        handlers[channel] = nil
        confirmed.remove(channel)
        if session.isReady { ask("UNSUBSCRIBE", channel) }
    }

    private func ask(_ command: RedisArgument, _ channel: ExactText) {
        _ = session.append([command, .string(channel.text)])
        asked.append(Asked(command: command, channel: channel))
    }

    /// Reconnects by name.
    func leave(_ unfitness: String) {
        guard session.isReady else { return }
        session.fail(
            RedisError(
                .connectionLost, delivery: .unknown, "the server cannot serve us: \(unfitness)"), unfit: true)
    }

    func close() {
        isClosed = true
        handlers = [:]
        session.close()
    }

    nonisolated func sessionIsReady() {
        inTurn { subscriber in
            subscriber.toldFailure = nil
            for channel in subscriber.handlers.keys { subscriber.ask("SUBSCRIBE", channel) }
        }
    }

    nonisolated func sessionReceived(_ value: RedisValue) {
        inTurn { $0.received(value) }
    }

    /// The session connects again by itself.
    nonisolated func sessionFailed(_ error: RedisError, sent: UInt64) {
        inTurn { subscriber in
            subscriber.confirmed = []
            subscriber.asked.removeAll()
            let told = subscriber.toldFailure
            // A refusal like this lasts until somebody fixes its cause, so it must be reported.
            if error.needsMending {
                guard error.message != told?.message else { return }
                subscriber.toldFailure = error
                for channel in subscriber.handlers.keys { subscriber.tell(channel, of: error) }
            } else if error.code != .connectionLost, told == nil {
                subscriber.toldFailure = error
                subscriber.observe(.hearsNothing(error))
            }
        }
    }

    private func received(_ value: RedisValue) {
        if let text = value.errorText { return refused(ErrorReply(text)) }
        guard let parts = value.array, parts.count == 3, let name = parts[1].string else { return }
        let channel = ExactText(name)
        switch parts[0].string {
        case "message": deliver(parts[2].bytes ?? [], on: channel)
        case "unsubscribe": _ = asked.popFirst()
        case "subscribe":
            _ = asked.popFirst()
            if handlers[channel] != nil { confirmed.insert(channel) }
            deliver([], on: channel)
        default: break
        }
    }

    private func refused(_ reply: ErrorReply) {
        guard let asked = asked.popFirst() else { return }
        tell(asked.channel, of: RedisError(reply))
        if reply.rule.needsNewConnection {
            owner?.serverIsUnfit(reply.text, for: .messages)
        } else if reply.rule.isRepeated {
            _ = thread.schedule(at: .now + .milliseconds(.random(in: 100...200))) { [weak self] in
                self?.inTurn { $0.askAgain(asked) }
            }
        }
    }

    /// Unless it has been settled meanwhile: by a new connection, or because nobody listens any more.
    private func askAgain(_ again: Asked) {
        let isWanted = handlers[again.channel] != nil && again.command == "SUBSCRIBE"
        let isUnderWay = asked.contains { $0.channel == again.channel }
        guard session.isReady, isWanted, !isUnderWay, !confirmed.contains(again.channel) else { return }
        ask(again.command, again.channel)
    }

    private func tell(_ channel: ExactText, of refusal: RedisError) {
        observe(.listeningRefused(channel: channel.text, refusal))
        for handler in handlers[channel] ?? [] { handler.refuse(refusal) }
    }

    private func deliver(_ message: [UInt8], on channel: ExactText) {
        for handler in handlers[channel] ?? [] { handler.call(message) }
    }
}

/// Keeps a handler on a channel until it is cancelled or released.
package final class RedisSubscription: Sendable {
    private let subscriber: RedisSubscriber
    private let channel: String
    private let id: UInt64

    init(subscriber: RedisSubscriber, channel: String, id: UInt64) {
        self.subscriber = subscriber
        self.channel = channel
        self.id = id
    }

    package func cancel() {
        subscriber.thread.submit { [subscriber, channel, id] in
            subscriber.inTurn { $0.remove(channel, id: id) }
        }
    }

    deinit { cancel() }
}

/// The actor of the one connection that only listens.
///
/// Messages are hints: those published while it is not connected are lost. After each reconnection every
/// handler is called once with an empty message, so that whoever waits looks for itself.
package actor RedisSubscriber: LinkActor, SessionDelegate {
    private struct Handler {
        var id: UInt64
        var call: @Sendable ([UInt8]) -> Void
    }

    package nonisolated let thread: LinkThread
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let session: Session
    private var handlers: [String: [Handler]] = [:]
    /// The channels whose subscription the server has confirmed on this connection.
    private var confirmed: Set<String> = []
    private var isClosed = false

    init(configuration: RedisConfiguration, thread: LinkThread) {
        self.thread = thread
        session = Session(configuration: configuration, thread: thread)
        session.delegate = self
    }

    func add(_ channel: String, id: UInt64, _ call: @escaping @Sendable ([UInt8]) -> Void) {
        guard !isClosed else { return }
        let known = handlers[channel] != nil
        handlers[channel, default: []].append(Handler(id: id, call: call))
        if confirmed.contains(channel) {
            call([])
        } else if session.isReady {
            if !known { _ = session.append(["SUBSCRIBE", .string(channel)]) }
        } else {
            session.open()
        }
    }

    func remove(_ channel: String, id: UInt64) {
        handlers[channel]?.removeAll { $0.id == id }
        guard handlers[channel]?.isEmpty == true else { return }
        handlers[channel] = nil
        confirmed.remove(channel)
        if session.isReady { _ = session.append(["UNSUBSCRIBE", .string(channel)]) }
    }

    func close() {
        isClosed = true
        handlers = [:]
        session.close()
    }

    nonisolated func sessionIsReady() {
        inTurn { subscriber in
            guard !subscriber.handlers.isEmpty else { return }
            _ = subscriber.session.append(
                RedisCommand(["SUBSCRIBE"] + subscriber.handlers.keys.map(RedisArgument.string)))
        }
    }

    nonisolated func sessionReceived(_ value: RedisValue) {
        inTurn { $0.received(value) }
    }

    /// The session connects again by itself.
    nonisolated func sessionFailed(_ error: RedisError, sent: UInt64) {
        inTurn { $0.confirmed = [] }
    }

    private func received(_ value: RedisValue) {
        guard let parts = value.array, parts.count == 3, let channel = parts[1].string else { return }
        switch parts[0].string {
        case "message": deliver(parts[2].bytes ?? [], on: channel)
        case "subscribe":
            if handlers[channel] != nil { confirmed.insert(channel) }
            deliver([], on: channel)
        default: break
        }
    }

    private func deliver(_ message: [UInt8], on channel: String) {
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

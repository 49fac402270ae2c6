import Synchronization

/// One server: the connection for commands and, from the first subscription on, the one for messages.
///
/// Both are on the same thread, which several nodes may share. When one of them finds that the server cannot
/// serve us, the node decides which of them leave it.
final class RedisNode: ConnectionOwner {
    private struct Listening {
        var subscriber: RedisSubscriber?
        var nextID: UInt64 = 0
        var isClosed = false
    }

    let connection: RedisConnection
    private let configuration: RedisConfiguration
    private let listening = Mutex(Listening())
    private let observe: LinkObserver
    private var thread: LinkThread { connection.thread }

    /// Nothing is connected before the first use.
    init(_ configuration: RedisConfiguration, thread: LinkThread, observe: @escaping LinkObserver) {
        self.configuration = configuration
        self.observe = observe
        connection = RedisConnection(configuration: configuration, thread: thread, observe: observe)
        // This runs in a turn before that of any command.
        thread.submit { self.connection.inTurn { $0.report(to: self) } }
    }

    /// Calls `onMessage` with each message of `channel`; see ``RedisLink``.
    ///
    /// - Throws: `closed`.
    func subscribe(
        _ channel: String, onMessage: @escaping @Sendable ([UInt8]) -> Void,
        onRefusal: @escaping @Sendable (RedisError) -> Void
    ) throws(RedisError) -> RedisSubscription {
        let (subscriber, id) = try listening.withLock { listening throws(RedisError) in
            guard !listening.isClosed else {
                throw RedisError(.closed, delivery: .notDelivered, "the link is closed")
            }
            let subscriber =
                listening.subscriber
                ?? RedisSubscriber(
                    configuration: configuration, thread: thread, observe: observe, owner: self)
            listening.subscriber = subscriber
            listening.nextID += 1
            return (subscriber, listening.nextID)
        }
        thread.submit {
            subscriber.inTurn { $0.add(channel, id: id, onMessage, onRefusal: onRefusal) }
        }
        return RedisSubscription(subscriber: subscriber, channel: channel, id: id)
    }

    func serverIsUnfit(_ reason: String, for use: ConnectionUse) {
        // A server that refuses subscriptions may still serve commands: their connection finds out for
        // itself.
        if use == .commands { connection.inTurn { $0.leave(reason) } }
        // A listener that stayed would hear nothing from the server that commands go to from then on.
        listening.withLock { $0.subscriber }?.inTurn { $0.leave(reason) }
    }

    /// Ends both connections. Commands in flight fail with an unknown outcome, later ones as not delivered.
    func close() async {
        let subscriber = listening.withLock { listening in
            listening.isClosed = true
            return listening.subscriber
        }
        await subscriber?.close()
        await connection.close()
    }

    /// Like ``close()``, for a node that was only dropped: nobody waits for the end.
    func abandon() {
        if let subscriber = listening.withLock({ $0.subscriber }) {
            thread.submit { subscriber.inTurn { $0.close() } }
        }
        thread.submit { [connection] in connection.inTurn { $0.close() } }
    }
}

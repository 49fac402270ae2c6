package import Logging
import Synchronization

/// The link of one process to one Redis: a connection for commands, and one for messages once somebody
/// listens.
///
/// Nothing is connected before the first use. A lost connection is made again by itself; commands wait for it
/// until their own deadline.
package final class RedisLink: Sendable {
    private struct Listening {
        var subscriber: RedisSubscriber?
        var nextID: UInt64 = 0
        var isClosed = false
    }

    package let configuration: RedisConfiguration
    package let connection: RedisConnection
    /// On which the actors of this link run.
    package var thread: LinkThread { connection.thread }
    /// For tasks that do little else than use ``connection``.
    package let taskExecutor: LinkTaskExecutor
    private let listening = Mutex(Listening())
    private let logger: Logger

    package init(_ configuration: RedisConfiguration, logger: Logger) throws(RedisError) {
        self.configuration = configuration
        self.logger = logger
        let thread = try LinkThread()
        connection = RedisConnection(configuration: configuration, thread: thread, logger: logger)
        taskExecutor = LinkTaskExecutor(thread)
    }

    deinit {
        // A link that was only dropped ends like one that was closed.
        let connection = connection
        if let subscriber = listening.withLock({ $0.subscriber }) {
            connection.thread.submit { subscriber.inTurn { $0.close() } }
        }
        connection.thread.submit { connection.inTurn { $0.close() } }
        connection.thread.stop()
    }

    /// Waits until the command connection stands.
    ///
    /// - Throws: the failure of the attempt, which is not repeated here; the link goes on trying.
    package nonisolated(nonsending) func connect() async throws(RedisError) {
        try await connection.connect()
    }

    /// Sends one command. One round trip.
    package nonisolated(nonsending) func send(
        _ command: RedisCommand, timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        try await connection.send(command, timeout: timeout)
    }

    /// As ``send(_:timeout:)``, not interrupted by cancellation.
    package nonisolated(nonsending) func sendShielded(
        _ command: RedisCommand, timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        try await connection.sendShielded(command, timeout: timeout)
    }

    /// As ``send(_:timeout:)``, for callers in a turn of the link's thread; `completion` is called in one.
    package func send(
        _ command: RedisCommand, timeout: Duration? = nil,
        completion: @escaping @Sendable (RedisConnection.Result) -> Void
    ) {
        connection.inTurn { $0.send(command, timeout: timeout, completion: completion) }
    }

    /// Runs a script by its digest. One round trip, two where the server does not know it yet: it has not run it, so it
    /// is sent whole then.
    package nonisolated(nonsending) func evaluate(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], check: ReplyCheck = .none,
        timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        do {
            return try await connection.send(
                RedisCommand(script, keys: keys, arguments: arguments, check: check), timeout: timeout)
        } catch {
            throw error.naming(script, keys: keys)
        }
    }

    /// As ``evaluate(_:keys:arguments:check:timeout:)``, not interrupted by cancellation.
    package nonisolated(nonsending) func evaluateShielded(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], check: ReplyCheck = .none,
        timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        do {
            return try await connection.sendShielded(
                RedisCommand(script, keys: keys, arguments: arguments, check: check), timeout: timeout)
        } catch {
            throw error.naming(script, keys: keys)
        }
    }

    /// How the connection is, without asking the server.
    package var health: ConnectionHealth {
        get async { await connection.health }
    }

    /// Calls `onMessage` with each message of `channel`, and once with an empty one whenever the subscription
    /// begins (again): messages may have been lost before that. Calls `onRefusal` with the reason when the server
    /// does not let us listen; it is logged, too.
    package func subscribe(
        _ channel: String, onMessage: @escaping @Sendable ([UInt8]) -> Void,
        onRefusal: @escaping @Sendable (RedisError) -> Void = { _ in }
    ) throws(RedisError) -> RedisSubscription {
        let configuration = configuration
        let thread = connection.thread
        let subscription = try listening.withLock { listening throws(RedisError) in
            guard !listening.isClosed else {
                throw RedisError(.closed, delivery: .notDelivered, "the link is closed")
            }
            let subscriber: RedisSubscriber
            if let existing = listening.subscriber {
                subscriber = existing
            } else {
                subscriber = RedisSubscriber(configuration: configuration, thread: thread, logger: logger)
                listening.subscriber = subscriber
            }
            listening.nextID += 1
            return (subscriber, listening.nextID)
        }
        let (subscriber, id) = subscription
        thread.submit { [connection] in
            connection.inTurn { $0.accompany(subscriber) }
            subscriber.inTurn { $0.add(channel, id: id, onMessage, onRefusal: onRefusal) }
        }
        return RedisSubscription(subscriber: subscriber, channel: channel, id: id)
    }

    /// Ends both connections. Commands in flight fail with an unknown outcome, later ones as not delivered.
    package func close() async {
        let subscriber = listening.withLock { listening in
            listening.isClosed = true
            return listening.subscriber
        }
        await subscriber?.close()
        await connection.close()
        connection.thread.stop()
    }
}

/// The link of one process to Redis: the only way to commands, messages and health.
///
/// It has one ``RedisNode`` today. A second one would be kept beside it, on the same thread, and be chosen in
/// `connection` and ``subscribe(_:onMessage:onRefusal:)``.
///
/// Nothing is connected before the first use. The link reconnects by itself after a loss; commands wait for
/// the connection until their own deadline.
package final class RedisLink: Sendable {
    package let configuration: RedisConfiguration
    /// The thread that the actors of this link run on.
    package let thread: LinkThread
    /// For tasks that do little but use this link.
    package let taskExecutor: LinkTaskExecutor
    let node: RedisNode
    /// Where commands go.
    private var connection: RedisConnection { node.connection }

    package init(
        _ configuration: RedisConfiguration, observe: @escaping LinkObserver = { _ in }
    ) throws(RedisError) {
        self.configuration = configuration
        thread = try LinkThread()
        node = RedisNode(configuration, thread: thread, observe: observe)
        taskExecutor = LinkTaskExecutor(thread)
    }

    deinit {
        // A link that was only dropped ends like one that was closed.
        node.abandon()
        thread.stop()
    }

    /// Waits until the command connection is up.
    ///
    /// - Throws: the failure of the attempt. This call does not try again; the link does.
    package nonisolated(nonsending) func connect() async throws(RedisError) {
        try await connection.connect()
    }

    /// Sends one command. One round trip.
    package nonisolated(nonsending) func send(
        _ command: RedisCommand, timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        try await connection.send(command, timeout: timeout)
    }

    /// Like ``send(_:timeout:)``, but not interrupted by cancellation.
    package nonisolated(nonsending) func sendShielded(
        _ command: RedisCommand, timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        try await connection.sendShielded(command, timeout: timeout)
    }

    /// Like ``send(_:timeout:)``, for callers in a turn of the link's thread; `completion` is called in one.
    package func send(
        _ command: RedisCommand, timeout: Duration? = nil,
        completion: @escaping @Sendable (RedisResult) -> Void
    ) {
        connection.inTurn { $0.send(command, timeout: timeout, completion: completion) }
    }

    /// Runs a script by its digest. One round trip; two when the server does not know the script yet: it has
    /// not run it, so the script is then sent by its text.
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

    /// Like ``evaluate(_:keys:arguments:check:timeout:)``, but not interrupted by cancellation.
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

    /// The state of the connection, without asking the server.
    package var health: ConnectionHealth {
        get async { await connection.health }
    }

    /// Calls `onMessage` with each message of `channel`, and once with an empty one whenever the subscription
    /// begins or resumes: messages may have been lost before that. Calls `onRefusal` with the reason when the
    /// server does not let us subscribe; the link's observer is notified, too.
    package func subscribe(
        _ channel: String, onMessage: @escaping @Sendable ([UInt8]) -> Void,
        onRefusal: @escaping @Sendable (RedisError) -> Void = { _ in }
    ) throws(RedisError) -> RedisSubscription {
        try node.subscribe(channel, onMessage: onMessage, onRefusal: onRefusal)
    }

    /// Ends all connections. Commands in flight fail with an unknown outcome, later ones as not delivered.
    package func close() async {
        await node.close()
        thread.stop()
    }
}

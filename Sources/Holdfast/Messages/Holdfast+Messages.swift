extension Holdfast {
    /// A queue of messages of one type. Nothing is created or asked before its first use.
    ///
    /// - Parameters:
    ///   - name: 1 to 512 bytes, encoded. One that cannot be used makes what is done with the queue throw
    ///     ``HoldfastError/Code/invalidArgument``.
    ///   - type: what the messages are; all that is sent to the queue must decode as it.
    public func queue<Message: Codable & Sendable>(
        _ name: String, of type: Message.Type = Message.self
    ) -> MessageQueue<Message> {
        MessageQueue(name: name, opened: Result { () throws(HoldfastError) in try store(ofQueue: name) })
    }

    /// The queue `name` as bytes.
    package func store(ofQueue name: String) throws(HoldfastError) -> QueueStore {
        QueueStore(link: core.link, keys: try QueueKeys(name, in: core.keys), registry: consumers.registry)
    }

    /// Handles the messages of `queue` as long as this client runs, see ``run()``. It may be called before
    /// that, or while it runs.
    ///
    /// Each message is claimed by one instance at a time, and its effect is committed once. The handler may
    /// run more than once for a message: after an instance died, and after a failed attempt. ``Handled``
    /// tells which effects happen exactly once all the same.
    ///
    /// - Parameters:
    ///   - queue: where the messages come from.
    ///   - options: concurrency, lease, retries. Values that cannot be used make ``run()`` throw
    ///     ``HoldfastError/Code/invalidArgument``.
    ///   - handler: gets the message and its delivery. Its task is cancelled when the claim is lost, and at
    ///     the end of a graceful shutdown's deadline; then the message is given back, and the attempt does
    ///     not count. What it throws is logged, and fails the attempt.
    public func handle<Message>(
        _ queue: MessageQueue<Message>, _ options: ConsumerOptions = ConsumerOptions(),
        _ handler: @escaping @Sendable (Message, Delivery) async throws -> Handled
    ) {
        consumers.add(queue, options) { claim, delivery in
            try await handler(MessageQueue<Message>.decode(claim), delivery)
        }
    }
}

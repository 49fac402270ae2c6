extension Holdfast {
    /// A queue of messages of one type. Nothing is created or sent to Redis before its first use.
    ///
    /// - Parameters:
    ///   - name: 1 to 512 bytes, encoded. Queues whose names are the same up to the first slash lie together,
    ///     so that a commit of one may send to another; see ``Effects/send(_:to:id:options:)``. With an
    ///     invalid name every use of the queue throws ``HoldfastError/Code/invalidArgument``.
    ///   - type: the type of the messages. Everything that is sent to the queue must decode as this type,
    ///     unless it is a ``VersionedMessage``.
    ///   - coders: how its messages are encoded as JSON and decoded; defaults to
    ///     ``Holdfast/Configuration/coders``.
    public func queue<Message: Codable & Sendable>(
        _ name: String, of type: Message.Type = Message.self, coders: JSONCoders? = nil
    ) -> MessageQueue<Message> {
        MessageQueue(
            name: name, opened: Result { () throws(HoldfastError) in try store(ofQueue: name) },
            coders: coders ?? core.configuration.coders)
    }

    /// The queue `name` as bytes.
    package func store(ofQueue name: String) throws(HoldfastError) -> QueueStore {
        QueueStore(link: core.link, keys: try QueueKeys(name, in: core.keys), registry: consumers.registry)
    }

    /// Handles the messages of `queue` as long as this client runs; see ``run()``. May be called before that
    /// or while it runs.
    ///
    /// A queue has one handler in each client. A second one would share the queue's messages, each handled by
    /// one of the two: it makes ``run()`` throw ``HoldfastError/Code/invalidArgument``, unless
    /// ``ConsumerOptions/sharesQueue`` allows it. For several types in one queue use
    /// ``handle(_:options:coders:by:)``.
    ///
    /// docs/handling.md shows what a handler can decide, with each setting.
    ///
    /// Each message is claimed by one instance at a time, and its effect is committed once. The handler may
    /// run more than once for a message: after an instance died and after a failed attempt. ``Decision``
    /// explains which effects happen exactly once all the same.
    ///
    /// - Parameters:
    ///   - queue: where the messages come from.
    ///   - options: concurrency, lease, retries. Invalid values make ``run()`` throw
    ///     ``HoldfastError/Code/invalidArgument``; if the handler is added while the client runs, an error is
    ///     logged and the handler does not run.
    ///   - handler: gets the message and its delivery. Its task is cancelled when the claim is lost and when
    ///     the deadline of a graceful shutdown has passed; the message is then given back, and the attempt
    ///     does not count. An error that it throws is logged and fails the attempt.
    public func handle<Message>(
        _ queue: MessageQueue<Message>, options: ConsumerOptions = ConsumerOptions(),
        _ handler: @escaping @Sendable (Message, Delivery) async throws -> Decision
    ) {
        consumers.add(
            queue.opened, options,
            .only(MessageRoute(handler: .one(for: handler, queue.coders.decoder)), for: Message.self))
        remindOfRun()
    }

    /// Handles the messages of a queue that carries several types; otherwise like ``handle(_:options:_:)``.
    ///
    /// ```swift
    /// struct OrderPlaced: VersionedMessage {
    ///     static let messageType = "order-placed"
    /// }
    /// struct OrderCancelled: VersionedMessage {
    ///     static let messageType = "order-cancelled"
    /// }
    /// holdfast.handle("orders") { handlers in
    ///     handlers.on(OrderPlaced.self) { order, delivery in .commit { $0.increment("placed") } }
    ///     handlers.on(OrderCancelled.self, retry: RetryPolicy(attempts: 20)) { order, delivery in .commit }
    /// }
    /// ```
    ///
    /// A message of a type or version that is not registered here is left for an instance that knows it; see
    /// ``VersionedMessage``. A message that names no type is handled if there is only one type, and
    /// dead-lettered otherwise.
    ///
    /// - Parameters:
    ///   - queue: the name of the queue. An invalid one makes ``run()`` throw
    ///     ``HoldfastError/Code/invalidArgument``, as does a queue without a type.
    ///   - options: concurrency, lease, retries.
    ///   - coders: how the messages are decoded; defaults to ``Holdfast/Configuration/coders``.
    ///   - register: registers the types and their handlers, each type once.
    public func handle(
        _ queue: String, options: ConsumerOptions = ConsumerOptions(), coders: JSONCoders? = nil,
        by register: (inout MessageHandlers) -> Void
    ) {
        var handlers = MessageHandlers(decoder: (coders ?? core.configuration.coders).decoder)
        register(&handlers)
        consumers.add(
            Result { () throws(HoldfastError) in try store(ofQueue: queue) }, options, handlers.routes)
        remindOfRun()
    }

    /// Handles up to `size` messages with one call of the handler; otherwise like ``handle(_:options:_:)``.
    ///
    /// A batch is what one claim returned: at least one message, without waiting for more. Each message has
    /// its own claim, attempt and verdict, and is committed only by its own owner.
    ///
    /// - Parameters:
    ///   - size: at least 1. No more than a hundred, and no more than ``ConsumerOptions/concurrency``, are
    ///     claimed at once.
    ///   - queue: where the messages come from.
    ///   - options: as for single messages; ``ConsumerOptions/concurrency`` counts messages.
    ///   - handler: decides on each message, in the order in which it got them. An error that it throws fails
    ///     the attempts of all. Its task is cancelled when one of the claims is lost; the other messages are
    ///     then given back.
    public func handle<Message>(
        batchesOf size: Int, from queue: MessageQueue<Message>,
        options: ConsumerOptions = ConsumerOptions(),
        _ handler: @escaping @Sendable ([ReceivedMessage<Message>]) async throws -> [Decision]
    ) {
        consumers.add(
            queue.opened, options,
            .only(
                MessageRoute(handler: .many(for: handler, upTo: size, queue.coders.decoder)),
                for: Message.self))
        remindOfRun()
    }
}

extension MessageRoutes {
    /// All messages take one route: only those of its own type and versions, if `type` names one.
    fileprivate static func only(_ route: MessageRoute, for type: Any.Type) -> MessageRoutes {
        guard let type = type as? any VersionedMessage.Type else { return MessageRoutes(route) }
        var routes = MessageRoutes()
        routes.add(MessageKind(type), route)
        return routes
    }
}

extension Holdfast {
    /// A queue of messages of one type. Nothing is created or asked before its first use.
    ///
    /// - Parameters:
    ///   - name: 1 to 512 bytes, encoded. Queues whose names have the same beginning before the first slash lie
    ///     together, so that one may send to the other in a commit, see ``Effects/send(_:to:id:options:)``. One that cannot be used makes what is done with the queue throw
    ///     ``HoldfastError/Code/invalidArgument``.
    ///   - type: what the messages are; all that is sent to the queue must decode as it, unless it is a
    ///     ``VersionedMessage``.
    ///   - coders: how its messages become JSON, and are read; ``Holdfast/Configuration/coders`` unless set.
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

    /// Handles the messages of `queue` as long as this client runs, see ``run()``. It may be called before
    /// that, or while it runs.
    ///
    /// A queue has one handler in each client: a second one would share its messages, each handled by one of the two,
    /// and makes ``run()`` throw ``HoldfastError/Code/invalidArgument``, unless ``ConsumerOptions/sharesQueue`` says that
    /// it is wanted. For several types in one queue there is ``handle(_:options:coders:by:)``.
    ///
    /// docs/handling.md shows what a handler can decide, with each setting.
    ///
    /// Each message is claimed by one instance at a time, and its effect is committed once. The handler may
    /// run more than once for a message: after an instance died, and after a failed attempt. ``Decision``
    /// tells which effects happen exactly once all the same.
    ///
    /// - Parameters:
    ///   - queue: where the messages come from.
    ///   - options: concurrency, lease, retries. Values that cannot be used make ``run()`` throw
    ///     ``HoldfastError/Code/invalidArgument``; a handler that is added while the client runs is then logged as an
    ///     error and not run.
    ///   - handler: gets the message and its delivery. Its task is cancelled when the claim is lost, and at
    ///     the end of a graceful shutdown's deadline; then the message is given back, and the attempt does
    ///     not count. What it throws is logged, and fails the attempt.
    public func handle<Message>(
        _ queue: MessageQueue<Message>, options: ConsumerOptions = ConsumerOptions(),
        _ handler: @escaping @Sendable (Message, Delivery) async throws -> Decision
    ) {
        consumers.add(
            queue.opened, options,
            .only(MessageRoute(handler: .one(for: handler, queue.coders.decoder)), for: Message.self))
        remindOfRun()
    }

    /// Handles the messages of a queue that carries several types; otherwise as ``handle(_:options:_:)``.
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
    /// A message of a type or version that is not named here is left for an instance that knows it, see
    /// ``VersionedMessage``. One that names no type is handled if there is only one type, else it is given up.
    ///
    /// - Parameters:
    ///   - queue: its name. One that cannot be used makes ``run()`` throw ``HoldfastError/Code/invalidArgument``, as
    ///     does a queue without a type.
    ///   - options: concurrency, lease, retries.
    ///   - coders: how the messages are read; ``Holdfast/Configuration/coders`` unless set.
    ///   - register: names the types and their handlers, each type once.
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

    /// Handles up to `size` messages with one call of the handler; otherwise as ``handle(_:options:_:)``.
    ///
    /// A batch is what one claim brought, at least one message; nothing is waited for. Each message has its own claim,
    /// attempt and verdict, and is committed only by its own owner.
    ///
    /// - Parameters:
    ///   - size: at least 1. More than a hundred, or than ``ConsumerOptions/concurrency``, are not claimed at once.
    ///   - queue: where the messages come from.
    ///   - options: as for single messages; ``ConsumerOptions/concurrency`` counts messages.
    ///   - handler: decides on each message, in the order in which it got them. What it throws fails the attempt of
    ///     all. Its task is cancelled when one of the claims is lost; the others are given back then.
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
    /// All messages go one way; only those of its own type and versions, if `type` names one.
    fileprivate static func only(_ route: MessageRoute, for type: Any.Type) -> MessageRoutes {
        guard let type = type as? any VersionedMessage.Type else { return MessageRoutes(route) }
        var routes = MessageRoutes()
        routes.add(MessageKind(type), route)
        return routes
    }
}

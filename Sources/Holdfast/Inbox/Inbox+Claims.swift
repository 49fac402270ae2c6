import Synchronization

extension Delivery {
    /// Makes the message's effect in another database, exactly once while its inbox row is kept, and marks
    /// the message as done.
    ///
    /// One transaction there; the message is committed in Redis after it. If the process dies in between, the
    /// message is handed out again, and its next attempt only commits. This makes no round trip to Redis by
    /// itself.
    ///
    /// At most once per message: a second call finds the row of the first one and makes no effect.
    ///
    /// - Parameters:
    ///   - inbox: the database.
    ///   - resource: something that a handler which has lost its claim must not write after its successor,
    ///     whose fence is higher. Only for messages that are handled one at a time, such as those with the
    ///     same ``SendOptions/key``; of messages handled side by side, the one claimed first would be
    ///     refused. By default nothing is compared, and only the inbox row prevents a second effect of this
    ///     message.
    ///   - effect: gets the open transaction, and must write through nothing else.
    /// - Returns: ``Decision/commit``, for the handler to return, also if an earlier attempt made the effect.
    /// - Throws: ``HoldfastError/Code/lost`` if the claim is over or the write was refused; whatever the
    ///   effect or the database throws. If an error of the database leaves the outcome unknown, the next
    ///   attempt finds out.
    public func commit<Target: Inbox>(
        in inbox: Target, guarding resource: String? = nil, _ effect: Target.Effect
    ) async throws -> Decision {
        try check()
        try await inbox.commitOnce(inboxEntry(guarding: resource), effect)
        return .commit
    }

    /// Makes the message's effect in another database as ``commit(in:guarding:_:)`` does, and returns what
    /// `effect` returned. The handler decides afterwards and may add effects in Redis:
    ///
    /// ```swift
    /// holdfast.handle(orders) { order, delivery in
    ///     let balance = try await delivery.perform(in: inbox) { database in
    ///         try accounts.book(order, in: database)                  // returns the new balance
    ///     }
    ///     return .commit { effects in
    ///         effects.increment("orders-booked")                      // once, whichever attempt commits
    ///         if let balance { effects.set("balance", to: "\(balance)") }
    ///     }
    /// }
    /// ```
    ///
    /// What is committed in Redis is committed once, by the attempt that commits the message. If the process
    /// died in between, that is a later attempt than the one that made the effect in the database; a value
    /// that it needs must then be read from the database.
    ///
    /// - Returns: what `effect` returned; nil if an earlier attempt made the effect.
    @discardableResult
    public func perform<Target: Inbox, Transaction, Value: Sendable>(
        in inbox: Target, guarding resource: String? = nil,
        _ effect: @escaping @Sendable (Transaction) throws -> Value
    ) async throws -> Value? where Target.Effect == @Sendable (Transaction) throws -> Void {
        try check()
        return try await inbox.value(of: inboxEntry(guarding: resource), effect)
    }

    /// The same for a database whose transactions are asynchronous.
    @discardableResult
    public func perform<Target: Inbox, Transaction, Value: Sendable>(
        in inbox: Target, guarding resource: String? = nil,
        _ effect: @escaping @Sendable (Transaction) async throws -> Value
    ) async throws -> Value? where Target.Effect == @Sendable (Transaction) async throws -> Void {
        try check()
        return try await inbox.value(of: inboxEntry(guarding: resource), effect)
    }

    private func inboxEntry(guarding resource: String?) -> InboxEntry {
        InboxEntry(scope: "queue:\(queue)", id: id, fence: resource.map { .init($0, fencingToken) })
    }
}

extension Tick {
    /// Makes the tick's effect in another database, exactly once while its inbox row is kept, however often
    /// the tick is begun; see ``CrashPolicy/runAgain(attempts:)``.
    ///
    /// One transaction there; no round trip to Redis. At most once per tick, as for a message.
    ///
    /// - Parameters:
    ///   - inbox: the database.
    ///   - fenced: whether a run that lost its lease is refused once a later run of the worker has written.
    ///     Set it to false for a worker whose runs may overlap; see ``WorkerOptions/concurrency``.
    ///   - effect: gets the open transaction, and must write through nothing else.
    /// - Returns: false if an earlier attempt made the effect.
    /// - Throws: ``HoldfastError/Code/lost`` if the lease is over or the write was refused; whatever the
    ///   effect or the database throws.
    @discardableResult
    public func commit<Target: Inbox>(
        in inbox: Target, fenced: Bool = true, _ effect: Target.Effect
    ) async throws -> Bool {
        try check()
        return try await inbox.commitOnce(inboxEntry(fenced: fenced), effect)
    }

    /// Makes the tick's effect as ``commit(in:fenced:_:)`` does, and returns what `effect` returned; nil if
    /// an earlier attempt made the effect.
    @discardableResult
    public func perform<Target: Inbox, Transaction, Value: Sendable>(
        in inbox: Target, fenced: Bool = true, _ effect: @escaping @Sendable (Transaction) throws -> Value
    ) async throws -> Value? where Target.Effect == @Sendable (Transaction) throws -> Void {
        try check()
        return try await inbox.value(of: inboxEntry(fenced: fenced), effect)
    }

    /// The same for a database whose transactions are asynchronous.
    @discardableResult
    public func perform<Target: Inbox, Transaction, Value: Sendable>(
        in inbox: Target, fenced: Bool = true,
        _ effect: @escaping @Sendable (Transaction) async throws -> Value
    ) async throws -> Value? where Target.Effect == @Sendable (Transaction) async throws -> Void {
        try check()
        return try await inbox.value(of: inboxEntry(fenced: fenced), effect)
    }

    private func inboxEntry(fenced: Bool) -> InboxEntry {
        let scope = "worker:\(worker)"
        return InboxEntry(scope: scope, id: id, fence: fenced ? .init(scope, fencingToken) : nil)
    }
}

extension OnceClaim {
    /// Makes the effect of an id in another database, exactly once while its inbox row is kept; otherwise
    /// like ``Delivery/commit(in:guarding:_:)``.
    ///
    /// - Returns: false if an earlier attempt made the effect and its result was not recorded.
    @discardableResult
    public func commit<Target: Inbox>(
        in inbox: Target, guarding resource: String? = nil, _ effect: Target.Effect
    ) async throws -> Bool {
        try check()
        return try await inbox.commitOnce(inboxEntry(guarding: resource), effect)
    }

    /// Makes the effect of an id as ``commit(in:guarding:_:)`` does, and returns what `effect` returned; nil
    /// if an earlier attempt made the effect.
    @discardableResult
    public func perform<Target: Inbox, Transaction, Value: Sendable>(
        in inbox: Target, guarding resource: String? = nil,
        _ effect: @escaping @Sendable (Transaction) throws -> Value
    ) async throws -> Value? where Target.Effect == @Sendable (Transaction) throws -> Void {
        try check()
        return try await inbox.value(of: inboxEntry(guarding: resource), effect)
    }

    /// The same for a database whose transactions are asynchronous.
    @discardableResult
    public func perform<Target: Inbox, Transaction, Value: Sendable>(
        in inbox: Target, guarding resource: String? = nil,
        _ effect: @escaping @Sendable (Transaction) async throws -> Value
    ) async throws -> Value? where Target.Effect == @Sendable (Transaction) async throws -> Void {
        try check()
        return try await inbox.value(of: inboxEntry(guarding: resource), effect)
    }

    private func inboxEntry(guarding resource: String?) -> InboxEntry {
        InboxEntry(scope: "once:\(scope)", id: id, fence: resource.map { .init($0, fencingToken) })
    }
}

extension Inbox {
    /// Whether this call made the effect.
    @discardableResult
    fileprivate func commitOnce(_ entry: InboxEntry, _ effect: Effect) async throws -> Bool {
        switch try await commit(entry, effect) {
        case .committed: return true
        case .alreadyCommitted: return false
        case .refused:
            throw HoldfastError(
                .lost,
                """
                \(entry.id) of \(entry.scope) was overtaken: \(entry.fence?.resource ?? "what it guards") has been \
                written under a higher fence
                """
            )
        }
    }

    /// What the effect returned, if this call made it. A driver may run an effect again: the last run is the one that
    /// was committed.
    fileprivate func value<Transaction, Value: Sendable>(
        of entry: InboxEntry, _ effect: @escaping @Sendable (Transaction) throws -> Value
    ) async throws -> Value? where Effect == @Sendable (Transaction) throws -> Void {
        let value = Mutex<Value?>(nil)
        let isMade = try await commitOnce(entry) { transaction in
            let result = try effect(transaction)
            value.withLock { $0 = result }
        }
        return isMade ? value.withLock { $0 } : nil
    }

    fileprivate func value<Transaction, Value: Sendable>(
        of entry: InboxEntry, _ effect: @escaping @Sendable (Transaction) async throws -> Value
    ) async throws -> Value? where Effect == @Sendable (Transaction) async throws -> Void {
        let value = Mutex<Value?>(nil)
        let isMade = try await commitOnce(entry) { transaction in
            let result = try await effect(transaction)
            value.withLock { $0 = result }
        }
        return isMade ? value.withLock { $0 } : nil
    }
}

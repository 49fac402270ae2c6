import RedisLink

extension ScriptCall<[SendOutcome]> {
    /// - Parameter values: the arguments of each message's options; of none at all, or of each one.
    static func enqueue(
        _ messages: ArraySlice<QueueStore.Message>, type: String, _ values: ArraySlice<[RedisArgument]>,
        to queue: QueueKeys
    ) -> Self {
        let check = ReplyCheck.random()
        let width = 2 + (values.first?.count ?? 0)
        var arguments: [RedisArgument] = [.string(queue.wake), .string(type), check.argument, .init(width)]
        arguments.reserveCapacity(4 + width * messages.count)
        for (index, message) in zip(messages.indices, messages) {
            arguments += [.string(message.id), .bytes(message.body)]
            if width > 2 { arguments += values[index] }
        }
        let count = messages.count
        return Self(
            Scripts.enqueue, keys: queue.forEnqueueing(withOptions: width > 2), arguments, check: check
        ) { $0.values(count)?.map(SendOutcome.init) }
    }
}

extension SendOutcome {
    fileprivate init(_ reply: RedisValue) {
        switch reply {
        case .integer: self = .tooOld
        default: self = reply.string.map(SendOutcome.enqueued) ?? .duplicate
        }
    }
}

import RedisLink

extension ScriptCall<MessageStatus?> {
    /// Nil where nothing is known of the id.
    ///
    /// - Parameter entry: empty if none was found.
    static func look(_ id: String, entry: String, in queue: QueueKeys) -> Self {
        Self(Scripts.look, keys: queue.forLooking, [.string(id), .string(entry)]) { reply in
            MessageStatus.read(reply.value, queue: queue.name, id: id, entry: entry)
        }
    }
}

extension MessageStatus {
    fileprivate static func read(_ reply: RedisValue, queue: String, id: String, entry: String) -> Self?? {
        guard let parts = reply.array, parts.count == 9, let now = parts[0].integer else { return nil }
        func time(_ part: RedisValue) -> Int64? { part.string.flatMap { Int64($0) } }
        guard let fields = MessageFields(parts[2]) else {
            guard let end = time(parts[1]), end > now else { return .some(nil) }
            return Self(
                queue: queue, id: id, state: .done(remembered: .milliseconds(end.since(now))), entry: nil,
                type: nil, body: nil, instanceID: nil)
        }
        let state: State =
            if let attempt = parts[4].string.flatMap({ Int($0) }) {
                .claimed(attempt: attempt, remaining: .milliseconds((time(parts[3]) ?? now).since(now)))
            } else if let due = time(parts[5]) {
                .waiting(
                    .milliseconds(due.since(now)), attempts: parts[6].string.flatMap { Int($0) } ?? 0)
            } else if parts[7].integer == 1 {
                .blocked
            } else {
                .ready
            }
        return Self(
            queue: queue, id: id, state: state, entry: entry, type: fields["type"]?.text ?? "",
            body: fields["body"] ?? [], instanceID: parts[8].string)
    }
}

import RedisLink

/// What find_message.lua answers.
enum MessageSearch: Sendable {
    case found(String)
    /// Not in this part of the stream; the next one begins behind this entry.
    case goOn(after: String)
    case ended
}

extension ScriptCall<MessageSearch> {
    /// - Parameter prefix: what stands before an entry of the stream.
    static func find(_ id: String, in stream: String, from start: String, prefix: String) -> Self {
        Self(Scripts.findMessage, keys: [stream], [.string(id), .string(start), .string(prefix)]) { reply in
            guard let parts = reply.value.array, parts.count == 2 else { return nil }
            if !parts[0].isNull { return parts[0].string.map(MessageSearch.found) }
            return parts[1].isNull ? .ended : parts[1].string.map { .goOn(after: $0) }
        }
    }
}

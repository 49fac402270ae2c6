import RedisLink

extension ScriptCall<[DeadLetter]> {
    /// - Parameter start: where to begin, as dead_letters.lua takes it.
    static func deadLetters(from start: String, limit: Int, of queue: QueueKeys) -> Self {
        Self(Scripts.deadLetters, keys: [queue.dead], [.string(start), .init(max(limit, 0))]) { reply in
            guard let parts = reply.value.array, parts.count % 7 == 1, let now = parts[0].integer else {
                return nil
            }
            return stride(from: 1, to: parts.count, by: 7).map { DeadLetter(parts[$0..<($0 + 7)], now: now) }
        }
    }
}

extension DeadLetter {
    fileprivate init(_ parts: ArraySlice<RedisValue>, now: Int64) {
        let parts = Array(parts)
        entry = parts[0].string ?? ""
        id = parts[1].string ?? ""
        type = parts[2].string ?? ""
        attempts = parts[3].string.flatMap { Int($0) } ?? 0
        reason = parts[4].string ?? ""
        bodyBytes = parts[5].integer.flatMap { Int(exactly: $0) } ?? 0
        body = parts[6].bytes ?? []
        age = .milliseconds(now.since(Int64(entry.prefix { $0 != "-" }) ?? now))
    }
}

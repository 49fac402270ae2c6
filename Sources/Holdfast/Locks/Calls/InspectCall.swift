import RedisLink

extension ScriptCall<Holder?> {
    /// Who holds a name; nil where it is free.
    static func inspect(key: String, fence: String) -> Self {
        Self(Scripts.inspect, keys: [key, fence], []) { reply in
            guard let parts = reply.value.array, parts.count == 4 else { return nil }
            return parts[0].isNull ? .some(nil) : Holder(reply: parts[...])
        }
    }
}

import RedisLink

extension ScriptCall<FencedValue?> {
    /// Nil where there is no value.
    static func fencedRead(keys: [String]) -> Self {
        Self(Scripts.fencedRead, keys: keys, []) { reply in
            guard let parts = reply.value.array, parts.count == 2 else { return nil }
            if parts[0].isNull || parts[1].isNull { return .some(nil) }
            guard let bytes = parts[0].bytes, let fence = parts[1].integer else { return nil }
            return FencedValue(bytes: bytes, fencingToken: FencingToken(rawValue: fence))
        }
    }
}

import RedisLink

extension ScriptCall<FencedWrite> {
    /// - Parameter keys: those of the value and of its fence.
    static func fencedWrite(
        _ value: [UInt8], fence: FencingToken, lifetime: Duration?, keys: [String]
    ) -> Self {
        Self(
            Scripts.fencedWrite, keys: keys,
            [.string(fence.description), .bytes(value), lifetime.map { .init(milliseconds: $0) } ?? ""]
        ) { reply in
            guard let parts = reply.value.array, parts.count == 2, let accepted = parts[0].integer,
                let highest = parts[1].integer
            else { return nil }
            return accepted == 1 ? .accepted : .refused(highest: FencingToken(rawValue: highest))
        }
    }
}

import RedisLink

/// Something in a queue's keys that no version known here has written. The scripts took it out of the way.
struct Stray: Hashable, Sendable {
    let key: String
    /// The beginning of it.
    let found: String

    /// Two texts for each; nil if they are something else.
    static func all(in texts: some Collection<RedisValue>) -> [Stray]? {
        let texts = texts.compactMap(\.string)
        guard texts.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: texts.count, by: 2).map { Stray(key: texts[$0], found: texts[$0 + 1]) }
    }
}

package import RedisLink

/// A number that rises with every grant of a name, whatever Redis loses.
///
/// Give it to the resource that the lock protects, and let the resource refuse a write whose token is lower
/// than the highest it has seen: this keeps out a holder that was paused past its lease without noticing.
/// ``Holdfast/fencedWrite(_:_:fence:lifetime:)`` is such a resource in Redis; docs/fencing.md has the
/// statements for one in SQL.
///
/// The token is the larger of the last token plus one and the Redis server's time in microseconds since 1970.
/// So it rises even if Redis comes back without its data, as long as the server's clock has not been set
/// back. Encoded as a single integer.
public struct FencingToken: RawRepresentable, Comparable, Hashable, Codable, Sendable {
    /// The number: at least 1 and below 2^53.
    public let rawValue: Int64

    /// Makes a token from the number that a resource stored.
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// Whether the left token was granted before the right one. Tokens of different names cannot be compared.
    public static func < (left: FencingToken, right: FencingToken) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension FencingToken: CustomStringConvertible {
    /// The number.
    public var description: String { String(rawValue) }
}

extension FencingToken {
    /// How long the last fence of a name is kept after its last grant. Afterwards the server's time keeps
    /// later fences higher.
    package static let lifetime = RedisArgument(milliseconds: .seconds(7 * 86_400))
}

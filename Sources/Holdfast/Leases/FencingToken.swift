package import RedisLink

/// A number that rises with every grant of a name, whatever Redis loses.
///
/// Give it to the resource that the lock protects, and let the resource refuse a write whose token is lower
/// than the highest it has seen: this keeps out a holder that was paused past its lease and does not know it
/// yet. ``Holdfast/fencedWrite(_:_:fence:lifetime:)`` is such a resource in Redis; docs/fencing.md has the
/// statements for one in SQL.
///
/// The token is the larger of the last token plus one and the Redis server's time in microseconds since 1970.
/// So it rises even when Redis comes back without its data, as long as that server's clock was not set back.
/// Coded as a single integer.
public struct FencingToken: RawRepresentable, Comparable, Hashable, Codable, Sendable {
    /// The number, from 1 on and below 2^53.
    public let rawValue: Int64

    /// A token as a resource stored it.
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// Whether the left one was granted before the right one. Those of two names do not compare.
    public static func < (left: FencingToken, right: FencingToken) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension FencingToken: CustomStringConvertible {
    /// The number.
    public var description: String { String(rawValue) }
}

extension FencingToken {
    /// For how long the last fence of a name is noted after its last grant. Without the note the server's time keeps later
    /// fences higher.
    package static let lifetime = RedisArgument(milliseconds: .seconds(7 * 86_400))
}

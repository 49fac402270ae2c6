/// One argument of a command. Sent as a bulk string, whatever its case.
package enum RedisArgument: Sendable, Hashable, ExpressibleByStringLiteral {
    case string(String)
    case bytes([UInt8])
    case integer(Int64)

    package init(stringLiteral value: String) {
        self = .string(value)
    }

    package init(_ value: String) {
        self = .string(value)
    }

    package init(_ value: some BinaryInteger) {
        self = .integer(Int64(value))
    }

    package init(_ value: [UInt8]) {
        self = .bytes(value)
    }

    /// A duration in whole milliseconds, rounded down, as Redis' `PX` takes it.
    package init(milliseconds duration: Duration) {
        self = .integer(duration.wholeMilliseconds)
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero. At most 2⁵³, which Lua has exactly and no clock will reach.
    package var wholeMilliseconds: Int64 {
        let most: Int64 = 1 << 53
        let (seconds, attoseconds) = components
        guard seconds.magnitude < most / 1000 else { return seconds < 0 ? -most : most }
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

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

/// One reply of a Redis server, decoded from RESP2 and owned by Swift.
package enum RedisValue: Sendable, Hashable {
    /// The nil bulk string or the nil array.
    case null
    case integer(Int64)
    /// A simple string such as `OK`.
    case status(String)
    /// A bulk string: any bytes.
    case bytes([UInt8])
    case array([RedisValue])
    /// An error inside an array. An error that is the whole reply is thrown as a ``RedisError`` instead.
    case error(String)

    package var isNull: Bool { self == .null }

    /// The number in an integer reply, or in a string that spells one.
    package var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .status(let text): Int64(text)
        case .bytes(let bytes): Int64(String(decoding: bytes, as: UTF8.self))
        case .null, .array, .error: nil
        }
    }

    /// The text of a simple or bulk string; bytes that are not UTF-8 are repaired.
    package var string: String? {
        switch self {
        case .status(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .integer(let value): String(value)
        case .null, .array, .error: nil
        }
    }

    package var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .status(let text): Array(text.utf8)
        case .null, .integer, .array, .error: nil
        }
    }

    package var array: [RedisValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    var errorText: String? {
        guard case .error(let text) = self else { return nil }
        return text
    }
}

/// A reply with the instant at which its command was handed to the socket.
///
/// Every deadline that a reply justifies (a lease, a claim) counts from `sentAt`, never from the reply's
/// arrival: the server may have executed the command long before the reply was read.
package struct RedisReply: Sendable {
    package var value: RedisValue
    @Moment package var sentAt: ContinuousClock.Instant

    package init(value: RedisValue, sentAt: ContinuousClock.Instant) {
        self.value = value
        _sentAt = Moment(wrappedValue: sentAt)
    }
}

/// How a reply shows that it belongs to this command, and not to a neighbour's.
///
/// RESP2 does not number replies: one that something on the way swaps or duplicates is recognised by what it
/// says, or not at all. So a script takes a number from its call, doubles it, adds one for a yes, and returns
/// that as its reply, or as the first element of it.
package enum ReplyCheck: Sendable, Hashable {
    case none
    /// `OK` or nil, the only possible replies to `SET … NX`.
    case okOrNull
    /// Twice this number, plus one for a yes; ``RedisReply/isYes`` reads it.
    case number(UInt32)

    /// A number that another call is unlikely to have: for the scripts that are not given a token.
    package static func random() -> ReplyCheck { .number(.random(in: 0..<1 << 28)) }

    /// The number that seven hexadecimal digits of a token spell: for the scripts that are given one anyway.
    /// No check for a token that was not made by this library.
    ///
    /// - Parameter end: how many bytes follow the seven.
    package static func digits(of token: String, before end: Int) -> ReplyCheck {
        var token = token
        return token.withUTF8 { bytes in
            guard bytes.count >= end + 7 else { return .none }
            var number: UInt32 = 0
            for byte in bytes[(bytes.count - end - 7)..<(bytes.count - end)] {
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt32(byte & 15)
                case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt32(byte & 15 + 9)
                default: return .none
                }
            }
            return .number(number)
        }
    }

    /// The number, as an argument of the call.
    package var argument: RedisArgument {
        guard case .number(let number) = self else { return "0" }
        return RedisArgument(number)
    }

    /// Whether this can be the reply to the command.
    package func accepts(_ value: RedisValue) -> Bool {
        switch (self, value) {
        case (.none, _), (.okOrNull, .null), (.okOrNull, .status("OK")): true
        case (.number(let number), .integer(let answer)): answer >> 1 == number
        case (.number(let number), .array(let parts)):
            if case .integer(let answer)? = parts.first { answer >> 1 == number } else { false }
        case (.okOrNull, _), (.number, _): false
        }
    }
}

extension RedisReply {
    /// Whether a script that numbers its replies says yes. See ``ReplyCheck/number(_:)``.
    package var isYes: Bool {
        switch value {
        case .integer(let answer): answer & 1 == 1
        case .array(let parts): parts.first?.integer.map { $0 & 1 == 1 } ?? false
        case .null, .status, .bytes, .error: false
        }
    }
}

package import RedisLink

/// Any JSON value: what a line of a message file may be.
///
/// Whole numbers that fit 64 bits stay exact; other numbers are doubles. JSON compares the names of members by their code
/// points, as ``ExactText`` does and `String` does not: two spellings of one text, "é" as one character and as two, are
/// two names.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([ExactText: JSONValue])

    /// The member of an object; nil if this is not an object or has no such member.
    package subscript(field: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[ExactText(field)]
    }

    /// The text of a string or a whole number: what can name something.
    package var name: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .null, .bool, .number, .array, .object: nil
        }
    }

    /// A whole number, or a string that spells one (tools that write NDJSON often quote their numbers).
    package var wholeNumber: Int64? {
        switch self {
        case .integer(let number): number
        case .string(let text): Int64(text)
        case .null, .bool, .number, .array, .object: nil
        }
    }
}

/// With Foundation's decoder, as users' handlers read their messages.
extension JSONValue: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // The order only matters for speed: each wrong guess costs a thrown error.
        if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let number = try? container.decode(Int64.self) {
            self = .integer(number)
        } else if let members = try? container.decode([String: JSONValue].self) {
            self = .object(
                Dictionary(members.map { (ExactText($0), $1) }, uniquingKeysWith: { first, _ in first }))
        } else if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else {
            self = .array(try container.decode([JSONValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let flag): try container.encode(flag)
        case .integer(let number): try container.encode(number)
        case .number(let number): try container.encode(number)
        case .string(let text): try container.encode(text)
        case .array(let values): try container.encode(values)
        case .object(let members):
            try container.encode(
                Dictionary(members.map { ($0.text, $1) }, uniquingKeysWith: { first, _ in first }))
        }
    }
}

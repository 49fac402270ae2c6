/// The words of a script.
struct LuaLexer {
    enum Token: Hashable {
        case name(String)
        case number(Double)
        case string([UInt8])
        /// A keyword, an operator or a bracket.
        case sign(String)
        case end
    }

    private static let keywords: Set<String> = [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil",
        "not",
        "or", "return", "then", "true", "while",
    ]
    /// Words of the language that are not supported here: an error at once.
    private static let unknown: Set<String> = ["repeat", "until", "goto"]
    private static let signs = [
        "...", "..", "==", "~=", "<=", ">=", "+", "-", "*", "/", "%", "^", "#", "<", ">", "=", "(", ")", "{",
        "}", "[",
        "]", ";", ",", ".",
    ].map { Array($0.utf8) }

    private let bytes: [UInt8]
    private var position = 0
    private(set) var line = 1

    init(_ source: [UInt8]) { bytes = source }

    mutating func next() throws(LuaError) -> Token {
        skipSpace()
        guard position < bytes.count else { return .end }
        let byte = bytes[position]
        if Self.isLetter(byte) { return try word() }
        if Self.isDigit(byte) { return try number() }
        if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") { return try string(byte) }
        for sign in Self.signs where bytes[position...].starts(with: sign) {
            position += sign.count
            return .sign(String(decoding: sign, as: UTF8.self))
        }
        throw LuaError("'\(Character(UnicodeScalar(byte)))' is not supported here", line: line)
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\n"):
                line += 1
                position += 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
            case UInt8(ascii: "-")
            where bytes[position...].starts(with: [UInt8(ascii: "-"), UInt8(ascii: "-")]):
                while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
            default: return
            }
        }
    }

    private mutating func word() throws(LuaError) -> Token {
        let word = take { Self.isLetter($0) || Self.isDigit($0) }
        if Self.unknown.contains(word) { throw LuaError("'\(word)' is not supported here", line: line) }
        return Self.keywords.contains(word) ? .sign(word) : .name(word)
    }

    private mutating func number() throws(LuaError) -> Token {
        var text = take { Self.isDigit($0) || $0 == UInt8(ascii: ".") }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            text += "e" + take { Self.isDigit($0) || $0 == UInt8(ascii: "-") }
        }
        guard let number = Double(text) else { throw LuaError("\(text) is not a number", line: line) }
        return .number(number)
    }

    private mutating func string(_ quote: UInt8) throws(LuaError) -> Token {
        position += 1
        var text: [UInt8] = []
        while position < bytes.count, bytes[position] != quote {
            if bytes[position] == UInt8(ascii: "\\") {
                position += 1
                text.append(escaped())
            } else {
                text.append(bytes[position])
                position += 1
            }
        }
        guard position < bytes.count else { throw LuaError("a text has no end", line: line) }
        position += 1
        return .string(text)
    }

    private mutating func escaped() -> UInt8 {
        let digits = bytes[position...].prefix(3).prefix(while: Self.isDigit)
        if !digits.isEmpty {
            position += digits.count
            return UInt8(truncatingIfNeeded: Int(String(decoding: digits, as: UTF8.self)) ?? 0)
        }
        defer { position += 1 }
        return switch bytes[position] {
        case UInt8(ascii: "n"): UInt8(ascii: "\n")
        case UInt8(ascii: "r"): UInt8(ascii: "\r")
        case UInt8(ascii: "t"): UInt8(ascii: "\t")
        case let other: other
        }
    }

    private mutating func take(while belongs: (UInt8) -> Bool) -> String {
        let start = position
        while position < bytes.count, belongs(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

internal import RedisLink

/// Reads one JSON text as RFC 8259 defines it.
///
/// Foundation's decoder accepts more than that: a comma after the last member, numbers such as `01` and `1.`,
/// a name twice in one object. What is sent must be readable in every language, so none of that is accepted
/// here.
struct JSONReader {
    /// How deep arrays and objects may be nested. Foundation's decoder, with which handlers in Swift read a
    /// message, goes no deeper.
    static let deepest = 512

    /// What keeps a text from being read.
    struct Fault: Error, Hashable {
        var reason: String
        /// Where it was found, in bytes from 0.
        var index: Int
        /// It is JSON, but beyond what can be handled.
        var isLimit = false
    }

    private let bytes: [UInt8]
    private var index = 0

    /// - Parameter bytes: UTF-8.
    static func read(_ bytes: [UInt8]) throws(Fault) -> JSONValue {
        var reader = JSONReader(bytes: bytes)
        let value = try reader.value(depth: 0)
        guard reader.index == bytes.count else { throw reader.fault("more than one value") }
        return value
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func fault(_ reason: String) -> Fault { Fault(reason: reason, index: index) }

    private mutating func take(_ sign: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: sign) else { return false }
        index += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
    }

    /// A value with the blanks around it.
    private mutating func value(depth: Int) throws(Fault) -> JSONValue {
        skipBlanks()
        let value: JSONValue
        switch next {
        case UInt8(ascii: "{"): value = try object(depth: depth + 1)
        case UInt8(ascii: "["): value = try array(depth: depth + 1)
        case UInt8(ascii: "\""): value = .string(try string())
        case UInt8(ascii: "t"): value = try literal("true", .bool(true))
        case UInt8(ascii: "f"): value = try literal("false", .bool(false))
        case UInt8(ascii: "n"): value = try literal("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): value = try number()
        default: throw fault("expected a value")
        }
        skipBlanks()
        return value
    }

    private mutating func literal(_ word: String, _ value: JSONValue) throws(Fault) -> JSONValue {
        guard bytes[index...].starts(with: word.utf8) else { throw fault("expected a value") }
        index += word.utf8.count
        return value
    }

    private func check(depth: Int) throws(Fault) {
        guard depth > Self.deepest else { return }
        throw Fault(reason: "nested more than \(Self.deepest) levels deep", index: index, isLimit: true)
    }

    // MARK: Arrays and objects

    private mutating func array(depth: Int) throws(Fault) -> JSONValue {
        try check(depth: depth)
        index += 1
        skipBlanks()
        guard !take("]") else { return .array([]) }
        var values: [JSONValue] = []
        repeat { values.append(try value(depth: depth)) } while take(",")
        guard take("]") else { throw fault("expected a comma or ]") }
        return .array(values)
    }

    private mutating func object(depth: Int) throws(Fault) -> JSONValue {
        try check(depth: depth)
        index += 1
        skipBlanks()
        guard !take("}") else { return .object([:]) }
        var members: [ExactText: JSONValue] = [:]
        repeat {
            skipBlanks()
            let start = index
            guard next == UInt8(ascii: "\"") else { throw fault("expected a name in double quotes") }
            let name = ExactText(try string())
            skipBlanks()
            guard take(":") else { throw fault("expected a colon") }
            guard members.updateValue(try value(depth: depth), forKey: name) == nil else {
                throw Fault(reason: "the name \(TerminalText.quoted(name.text)) appears twice", index: start)
            }
        } while take(",")
        guard take("}") else { throw fault("expected a comma or }") }
        return .object(members)
    }

    // MARK: Numbers

    private mutating func number() throws(Fault) -> JSONValue {
        let start = index
        _ = take("-")
        if take("0") {
            if let byte = next, Self.isDigit(byte) { throw fault("a number does not begin with 0") }
        } else {
            try digits()
        }
        var isWhole = true
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isWhole, let number = Int64(text) { return .integer(number) }
        let mantissa = bytes[start..<index].prefix { $0 | 0x20 != UInt8(ascii: "e") }
        guard let number = Double(text), number.isFinite,
            number != 0 || !mantissa.contains(where: { (UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) })
        else {
            throw Fault(
                reason: "a number beyond those of 64-bit floating point, which end at 1.8e308 and 4.9e-324",
                index: start, isLimit: true)
        }
        // As Foundation's decoder does: `1e2` is a whole number, too.
        if !isWhole, abs(number) < 0x1p53, let exact = Int64(exactly: number) { return .integer(exact) }
        return .number(number)
    }

    /// At least one.
    private mutating func digits() throws(Fault) {
        guard let byte = next, Self.isDigit(byte) else { throw fault("expected a digit") }
        while let byte = next, Self.isDigit(byte) { index += 1 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    // MARK: Texts

    private mutating func string() throws(Fault) -> String {
        index += 1
        var text: [UInt8] = []
        var start = index
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                text += bytes[start..<index]
                index += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text += bytes[start..<index]
                index += 1
                text += String(try escaped()).utf8
                start = index
            case ..<0x20:
                throw fault("a control character in a text must be escaped")
            default:
                index += 1
            }
        }
        throw fault("a text without its closing quote")
    }

    private mutating func escaped() throws(Fault) -> Unicode.Scalar {
        guard let byte = next else { throw fault("a text without its closing quote") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedScalar()
        default:
            index -= 1
            throw fault("not an escape of JSON")
        }
    }

    /// What follows `\u`: four digits, or eight with another `\u` between them.
    private mutating func escapedScalar() throws(Fault) -> Unicode.Scalar {
        let start = index
        let high = try codeUnit()
        if let scalar = Unicode.Scalar(high) { return scalar }
        if UTF16.isLeadSurrogate(high), take("\\"), take("u") {
            let low = try codeUnit()
            let pair = String(decoding: [high, low], as: UTF16.self).unicodeScalars
            if UTF16.isTrailSurrogate(low), let scalar = pair.first { return scalar }
        }
        throw Fault(reason: "half of a surrogate pair", index: start)
    }

    private mutating func codeUnit() throws(Fault) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = next.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw fault("expected four hexadecimal digits")
            }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }
}

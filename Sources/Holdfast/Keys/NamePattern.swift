/// A pattern for names, like those of Redis for keys: `*` stands for any bytes, `?` for one, `[abc]`, `[a-c]`
/// and `[^a]` for one of several, a backslash before a sign for that sign. It goes by bytes, as names are
/// compared.
struct NamePattern: Sendable {
    private enum Part {
        case any
        /// One byte of these, or, negated, of all others.
        case one([ClosedRange<UInt8>], isNegated: Bool = false)

        func fits(_ byte: UInt8) -> Bool {
            guard case .one(let ranges, let isNegated) = self else { return false }
            return ranges.contains { $0.contains(byte) } != isNegated
        }
    }

    private let parts: [Part]
    /// What every name begins with that matches.
    let beginning: [UInt8]

    init(_ text: String) {
        var parts: [Part] = []
        var beginning: [UInt8] = []
        var isLiteral = true
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            var expected = byte
            switch byte {
            case UInt8(ascii: "*"):
                isLiteral = false
                parts.append(.any)
                continue
            case UInt8(ascii: "?"):
                isLiteral = false
                parts.append(.one([0...255]))
                continue
            case UInt8(ascii: "["):
                // Without an end it stands for itself.
                if let choice = Self.takeChoice(&rest) {
                    isLiteral = false
                    parts.append(choice)
                    continue
                }
            case UInt8(ascii: "\\"):
                expected = rest.popFirst() ?? byte
            default:
                break
            }
            parts.append(.one([expected...expected]))
            if isLiteral { beginning.append(expected) }
        }
        self.parts = parts
        self.beginning = beginning
    }

    /// What stands behind a bracket, up to its end.
    private static func takeChoice(_ text: inout ArraySlice<UInt8>) -> Part? {
        var rest = text
        let isNegated = rest.first == UInt8(ascii: "^")
        if isNegated { rest.removeFirst() }
        var ranges: [ClosedRange<UInt8>] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "]") {
                text = rest
                return .one(ranges, isNegated: isNegated)
            }
            let first = byte == UInt8(ascii: "\\") ? rest.popFirst() ?? byte : byte
            guard rest.first == UInt8(ascii: "-"), let last = rest.dropFirst().first,
                last != UInt8(ascii: "]")
            else {
                ranges.append(first...first)
                continue
            }
            rest.removeFirst(2)
            ranges.append(min(first, last)...max(first, last))
        }
        return nil
    }

    func matches(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        var (part, byte) = (0, 0)
        // Where the last star stands, and the bytes that it has taken.
        var star: (part: Int, byte: Int)?
        while byte < bytes.count {
            if part < parts.count, parts[part].fits(bytes[byte]) {
                (part, byte) = (part + 1, byte + 1)
            } else if part < parts.count, case .any = parts[part] {
                star = (part, byte)
                part += 1
            } else if let last = star {
                star = (last.part, last.byte + 1)
                (part, byte) = (last.part + 1, last.byte + 1)
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { if case .any = $0 { true } else { false } }
    }
}

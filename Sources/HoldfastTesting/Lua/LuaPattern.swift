/// Searches a text for a pattern, as `string.match` and `string.find` do.
struct LuaPattern {
    struct Match {
        var range: Range<Int>
        var captures: [[UInt8]]
    }

    private let pattern: [UInt8]
    private let text: [UInt8]
    /// Where each capture begins and ends; nil while it is open.
    private var captures: [(start: Int, end: Int?)] = []

    private init(_ pattern: [UInt8], _ text: [UInt8]) {
        self.pattern = pattern
        self.text = text
    }

    static func first(_ pattern: [UInt8], in text: [UInt8], from start: Int = 0) throws(LuaError) -> Match? {
        let isAnchored = pattern.first == UInt8(ascii: "^")
        for position in start...max(start, text.count) {
            var matcher = LuaPattern(pattern, text)
            if let end = try matcher.match(isAnchored ? 1 : 0, position) {
                var captures: [[UInt8]] = []
                for capture in matcher.captures {
                    guard let end = capture.end else { throw LuaError("unfinished capture") }
                    captures.append(Array(text[capture.start..<end]))
                }
                return Match(range: position..<end, captures: captures)
            }
            if isAnchored { break }
        }
        return nil
    }

    /// The end of the match of the rest of the pattern.
    private mutating func match(_ at: Int, _ position: Int) throws(LuaError) -> Int? {
        guard at < pattern.count else { return position }
        switch pattern[at] {
        case UInt8(ascii: "("):
            captures.append((position, nil))
            if let end = try match(at + 1, position) { return end }
            captures.removeLast()
            return nil
        case UInt8(ascii: ")"):
            guard let open = captures.lastIndex(where: { $0.end == nil }) else {
                throw LuaError("invalid pattern capture")
            }
            captures[open].end = position
            if let end = try match(at + 1, position) { return end }
            captures[open].end = nil
            return nil
        case UInt8(ascii: "$") where at == pattern.count - 1:
            return position == text.count ? position : nil
        default: break
        }
        let past = try classEnd(at)
        switch past < pattern.count ? pattern[past] : 0 {
        case UInt8(ascii: "?"):
            if try matches(at, past, position), let end = try match(past + 1, position + 1) { return end }
            return try match(past + 1, position)
        case UInt8(ascii: "*"): return try longest(at, past, position, atLeast: 0)
        case UInt8(ascii: "+"): return try longest(at, past, position, atLeast: 1)
        case UInt8(ascii: "-"): throw LuaError("shortest matches are not supported here")
        default:
            guard try matches(at, past, position) else { return nil }
            return try match(past, position + 1)
        }
    }

    private mutating func longest(
        _ at: Int, _ past: Int, _ position: Int, atLeast least: Int
    ) throws(LuaError) -> Int? {
        var count = 0
        while try matches(at, past, position + count) { count += 1 }
        while count >= least {
            if let end = try match(past + 1, position + count) { return end }
            count -= 1
        }
        return nil
    }

    private func classEnd(_ at: Int) throws(LuaError) -> Int {
        switch pattern[at] {
        case UInt8(ascii: "%"):
            guard at + 1 < pattern.count else { throw LuaError("malformed pattern") }
            return at + 2
        case UInt8(ascii: "["):
            // The first character of a set belongs to it, even if it is a bracket.
            var end = at + (pattern[(at + 1)...].first == UInt8(ascii: "^") ? 3 : 2)
            while end < pattern.count, pattern[end] != UInt8(ascii: "]") { end += 1 }
            guard end < pattern.count else { throw LuaError("malformed pattern") }
            return end + 1
        default: return at + 1
        }
    }

    private func matches(_ at: Int, _ past: Int, _ position: Int) throws(LuaError) -> Bool {
        guard position < text.count else { return false }
        let byte = text[position]
        switch pattern[at] {
        case UInt8(ascii: "."): return true
        case UInt8(ascii: "%"): return try Self.belongs(byte, to: pattern[at + 1])
        case UInt8(ascii: "["): return try isInSet(byte, pattern[(at + 1)..<(past - 1)])
        default: return byte == pattern[at]
        }
    }

    private func isInSet(_ byte: UInt8, _ set: ArraySlice<UInt8>) throws(LuaError) -> Bool {
        var rest = set
        let isInverted = rest.first == UInt8(ascii: "^")
        if isInverted { rest.removeFirst() }
        var found = false
        while let next = rest.popFirst() {
            if next == UInt8(ascii: "%"), let letter = rest.popFirst() {
                if try Self.belongs(byte, to: letter) { found = true }
            } else if rest.first == UInt8(ascii: "-"), rest.count > 1 {
                rest.removeFirst()
                let last = rest.removeFirst()
                if next <= byte && byte <= last { found = true }
            } else if byte == next {
                found = true
            }
        }
        return found != isInverted
    }

    private static func belongs(_ byte: UInt8, to letter: UInt8) throws(LuaError) -> Bool {
        switch letter {
        case UInt8(ascii: "d"): return (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        case UInt8(ascii: "s"): return byte == 32 || (9...13).contains(byte)
        case UInt8(ascii: "S"): return try !belongs(byte, to: UInt8(ascii: "s"))
        case UInt8(ascii: "D"): return try !belongs(byte, to: UInt8(ascii: "d"))
        case let letter where (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter | 0x20):
            throw LuaError("the class %\(Character(UnicodeScalar(letter))) is not supported here")
        case let sign: return byte == sign
        }
    }
}

/// A text that is compared as Redis compares texts: by its bytes. Names, keys, ids, fields, channels and
/// types use it wherever Swift compares, hashes or sorts them.
///
/// `String` treats two spellings of one text as equal, such as "é" as one scalar and as two, and a
/// `Character` includes the combining marks after it, so that a slash followed by an accent is not a slash.
/// Either would mix up what Redis keeps apart.
///
/// A plain `String` is right where one side can only be ASCII, such as our own tokens, instance ids, stream
/// entries and the words of our formats: no other text is equal to one of those.
package struct ExactText: Hashable, Comparable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (one: ExactText, other: ExactText) -> Bool {
        one.text.isExactly(other.text)
    }

    package static func < (one: ExactText, other: ExactText) -> Bool {
        one.text.utf8.lexicographicallyPrecedes(other.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        let isHashed: Void? = text.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: .init($0)) }
        if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}

extension StringProtocol {
    /// Whether both have the same bytes.
    package func isExactly(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

    /// What follows `beginning`, if the text begins with these bytes.
    package func rest(after beginning: String) -> String? {
        guard utf8.starts(with: beginning.utf8) else { return nil }
        return String(decoding: utf8.dropFirst(beginning.utf8.count), as: UTF8.self)
    }

    /// The text before and after the first `mark`, an ASCII character, whatever is next to it.
    package func cut(at mark: Unicode.Scalar) -> (before: String, after: String)? {
        utf8.firstIndex(of: UInt8(ascii: mark)).map(halves)
    }

    fileprivate func halves(at index: Index) -> (before: String, after: String) {
        (
            String(decoding: utf8[..<index], as: UTF8.self),
            String(decoding: utf8[utf8.index(after: index)...], as: UTF8.self)
        )
    }
}

extension String {
    /// Like ``cut(at:)``, at the last one.
    package func cut(atLast mark: Unicode.Scalar) -> (before: String, after: String)? {
        utf8.lastIndex(of: UInt8(ascii: mark)).map(halves)
    }
}

extension Sequence where Element == String {
    /// In the order of their bytes, which is the same wherever they are listed.
    package func sortedExactly() -> [String] {
        sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

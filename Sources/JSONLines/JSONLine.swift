internal import RedisLink

/// One line of NDJSON, with its value.
package struct JSONLine: Hashable, Sendable {
    /// Counted from 1.
    package var number: Int
    /// The line as it was read, without the blanks around it. This is what is sent: nothing in it, such as
    /// the digits of a long number, is lost on the way through ``JSONValue``.
    package var bytes: [UInt8]
    package var value: JSONValue

    /// Nil for a blank line. The byte order mark that some editors put in front of UTF-8 is dropped from the
    /// first line.
    package init?(_ bytes: some BidirectionalCollection<UInt8>, number: Int) throws(InputError) {
        var line = Array(bytes)[...]
        if number == 1, line.starts(with: Self.byteOrderMark) {
            line = line.dropFirst(Self.byteOrderMark.count)
        }
        let trimmed = Self.trimmed(line)
        guard !trimmed.isEmpty else { return nil }
        try Self.checkEncoding(trimmed, number)
        do throws(JSONReader.Fault) {
            value = try JSONReader.read(trimmed)
        } catch {
            let place = "\(Self.preview(trimmed)) (at byte \(error.index + 1)"
            throw InputError(
                line: number,
                reason: error.isLimit
                    ? "\(error.reason): \(place))" : "not one JSON value: \(place): \(error.reason))")
        }
        self.bytes = trimmed
        self.number = number
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Lines of UTF-16 are cut in the middle of a character, so their text is never shown. ASCII in UTF-16
    /// without a mark in front is valid UTF-8, but with zero bytes, which JSON does not have.
    private static func checkEncoding(_ line: [UInt8], _ number: Int) throws(InputError) {
        if line.contains(0) || line.starts(with: [0xFF, 0xFE]) || line.starts(with: [0xFE, 0xFF]) {
            throw InputError(
                line: number,
                reason: "not UTF-8 but, by its bytes, UTF-16 or UTF-32; iconv -t UTF-8 converts it")
        }
        guard String(validating: line, as: UTF8.self) == nil else { return }
        throw InputError(line: number, reason: "not UTF-8")
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var rest = bytes
        while let first = rest.first, isBlank(first) { rest.removeFirst() }
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return Array(rest)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// The beginning of a line for an error message, with nothing in it that could move a terminal's cursor.
    private static func preview(_ bytes: some Collection<UInt8>) -> String {
        let limit = 60
        let text = TerminalText.quoted(String(decoding: bytes.prefix(limit), as: UTF8.self))
        return bytes.count > limit ? text + "…" : text
    }
}

internal import Foundation

/// A line of a file or a stream that can't be used, told so that its author finds it.
package struct InputError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1; nil when the trouble is with the input as a whole.
    package var line: Int?
    package var reason: String

    package init(line: Int?, reason: String) {
        self.line = line
        self.reason = reason
    }

    package var description: String {
        line.map { "line \($0): \(reason)" } ?? reason
    }
}

/// One line of NDJSON, with what it says.
package struct JSONLine: Hashable, Sendable {
    /// Counted from 1.
    package var number: Int
    /// The line as it was read, without blanks around it. This is what is sent: nothing of it, such as the
    /// digits of a long number, is lost on the way through ``JSONValue``.
    package var bytes: [UInt8]
    package var value: JSONValue

    /// Nil for a blank line.
    package init?(_ bytes: some BidirectionalCollection<UInt8>, number: Int) throws(InputError) {
        let trimmed = Self.trimmed(bytes)
        guard !trimmed.isEmpty else { return nil }
        do {
            value = try JSONDecoder().decode(JSONValue.self, from: Data(trimmed))
        } catch {
            throw InputError(line: number, reason: "not one JSON value: \(Self.preview(trimmed))")
        }
        self.bytes = trimmed
        self.number = number
    }

    private static func trimmed(_ bytes: some BidirectionalCollection<UInt8>) -> [UInt8] {
        var rest = Array(bytes)[...]
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
        let text = String(decoding: bytes.prefix(limit), as: UTF8.self).debugDescription
        return bytes.count > limit ? text + "…" : text
    }
}

internal import RedisLink

/// A line of a file or a stream that can't be used, described so that its author finds it. It may be shown as
/// it is: what it quotes from the input is escaped.
package struct InputError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1; nil when the problem is with the input as a whole.
    package var line: Int?
    package var reason: String

    package init(line: Int?, reason: String) {
        self.line = line
        self.reason = reason
    }

    package var description: String {
        line.map { "line \($0): \(reason)" } ?? reason
    }

    /// A field whose value is not the `expected` one, or is missing.
    package init(line: Int?, field: String, is value: JSONValue?, expected: String) {
        let field = TerminalText.quoted(field)
        if case .number(let number)? = value, number.rounded() == number {
            let remedy = expected.hasPrefix("text") ? "; in quotes, as text, it can have any length" : ""
            self.init(
                line: line,
                reason:
                    "the number in the field \(field) is too large: whole numbers go from \(Int64.min) to "
                    + "\(Int64.max)\(remedy)")
        } else {
            self.init(line: line, reason: "no \(expected) in the field \(field)")
        }
    }
}

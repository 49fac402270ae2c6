/// Text from elsewhere (names, hosts, ids), made safe to show on a terminal. Unlike `printable(limit:)` it
/// loses nothing.
package enum TerminalText {
    /// The text with every character that could move the cursor, change colours, hide or reorder others, or
    /// break a line replaced by its escape. A backslash is doubled, so that nothing can pretend to be an
    /// escape.
    package static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if scalar.isSteering {
                    result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    /// The escaped text in quotes.
    package static func quoted(_ text: String) -> String { "\"\(escaped(text))\"" }
}

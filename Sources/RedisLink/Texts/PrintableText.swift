extension String {
    /// Text from a server, made fit for an error or a log: control characters are shown by their pictures, so
    /// that a line stays one line and a terminal obeys nothing in it, and text longer than `limit` bytes is
    /// cut.
    package func printable(limit: Int = 1000) -> String {
        if utf8.count <= limit, utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return self }
        var result = ""
        for scalar in unicodeScalars {
            guard result.utf8.count < limit else {
                return result + "… (\(utf8.count) bytes)"
            }
            result.unicodeScalars.append(scalar.picture)
        }
        return result
    }
}

extension Unicode.Scalar {
    /// The scalar itself, or what is shown in its place if it would control a terminal, end a line or change
    /// the order of what is shown.
    fileprivate var picture: Unicode.Scalar {
        // The pictures of the control characters are in order from U+2400 on.
        switch value {
        case 0..<0x20: return Unicode.Scalar(0x2400 + value) ?? "\u{FFFD}"
        case 0x7F: return "\u{2421}"
        default: break
        }
        return isSteering ? "\u{FFFD}" : self
    }

    /// Whether it would control a terminal, end a line or change the order of what is shown.
    var isSteering: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }
}

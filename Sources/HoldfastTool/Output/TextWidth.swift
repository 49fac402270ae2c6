/// How many columns a text takes on a terminal, as far as that can be known: `count` is the number of
/// characters, and East Asian characters and emoji take two columns.
enum TextWidth {
    static func columns(of text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        var columns = 0
        var last: (scalar: Unicode.Scalar, columns: Int)?
        for scalar in text.unicodeScalars {
            if scalar == emojiStyle {
                // The character before it is shown as a picture, and is as wide as one.
                if let base = last, base.columns == 1, base.scalar.properties.isEmoji { columns += 1 }
                last = nil
            } else if !(scalar.properties.isEmojiModifier && last?.scalar.properties.isEmoji == true) {
                let width = Self.columns(of: scalar)
                columns += width
                if width > 0 { last = (scalar, width) }
            }
        }
        return columns
    }

    private static let emojiStyle: Unicode.Scalar = "\u{FE0F}"

    private static func columns(of scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        switch scalar.value {
        // The second and third part of a Korean syllable are drawn inside the first.
        case 0x1160...0x11FF, 0xD7B0...0xD7FF: return 0
        // Two of them make a flag.
        case 0x1F1E6...0x1F1FF: return 1
        default: return scalar.properties.isEmojiPresentation || isWide(scalar.value) ? 2 : 1
        }
    }

    /// The blocks of East_Asian_Width W and F, see UAX 11, apart from emoji.
    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF,
            0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
            0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF,
            0x20000...0x2FFFD, 0x30000...0x3FFFD:
            true
        default: false
        }
    }
}

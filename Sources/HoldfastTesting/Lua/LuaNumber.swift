internal import Foundation

/// How numbers are written and read.
enum LuaNumber {
    /// A number as `tostring` and concatenation write it.
    static func text(_ number: Double) -> String { text(number, digits: 14) }

    /// A number as Redis writes it in an argument of a command.
    static func argument(_ number: Double) -> String { text(number, digits: 17) }

    private static func text(_ number: Double, digits: Int) -> String {
        if let whole = Int64(exactly: number), abs(number) < 1e14 || digits == 17 && abs(number) < 1e17 {
            return String(whole)
        }
        return String(format: "%.\(digits)g", number)
    }

    /// A number without its fraction; the nearest integer to one that is too large.
    static func whole(_ number: Double) -> Int {
        Int(exactly: number.rounded(.towardZero)) ?? (number > 0 ? .max : .min)
    }

    /// Nil if the text does not spell a number.
    static func parse(_ bytes: [UInt8]) -> Double? {
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespaces)
        guard let first = text.utf8.first(where: { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }),
            first == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
        else {
            // Double would accept more words than these.
            return switch text {
            case "inf", "+inf": .infinity
            case "-inf": -.infinity
            default: nil
            }
        }
        return Double(text)
    }
}

internal import Foundation

/// The two ways out of a command: data on standard output, everything else on standard error.
enum Console {
    static func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// One JSON value, its members in alphabetical order.
    static func write(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
    }

    /// A line for the person in front of the screen.
    static func say(_ message: String) {
        FileHandle.standardError.write(Data("holdfast: \(message)\n".utf8))
    }

    static func note(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}

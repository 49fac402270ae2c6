internal import Foundation

/// The two ways out of a command: data on standard output, everything else on standard error.
enum Console {
    /// - Throws: when standard output takes no more: a full disk, a closed pipe.
    static func write(_ text: String) throws {
        try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }

    /// One JSON value, its members in alphabetical order.
    static func write(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        try write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
    }

    /// A line for the person in front of the screen.
    static func say(_ message: String) {
        note("holdfast: \(message)\n")
    }

    /// Dropped when standard error takes no more: work, and above all stopping a command whose lock is lost,
    /// must not end because nobody listens.
    static func note(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

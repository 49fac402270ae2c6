internal import Foundation
internal import Holdfast

/// Cuts the bytes of a file or a pipe into lines, as they arrive.
struct LineReader {
    /// The most bytes of a line that is read to its end: those of the largest message and the blanks around
    /// it.
    static let longest = MessageLimits.body + (64 << 10)

    private let longest: Int
    private var rest: [UInt8] = []
    /// The number of lines returned.
    private(set) var count = 0

    init(longest: Int = LineReader.longest) {
        self.longest = longest
    }

    /// The lines that `bytes` completes, with their numbers, counted from 1.
    ///
    /// A line that is too long is returned as far as it has arrived, for the caller to refuse it: otherwise
    /// an input without line ends would fill the memory.
    mutating func lines(adding bytes: some Sequence<UInt8>) -> [(number: Int, bytes: ArraySlice<UInt8>)] {
        let looked = rest.count
        rest.append(contentsOf: bytes)
        var lines: [(number: Int, bytes: ArraySlice<UInt8>)] = []
        if let last = rest[looked...].lastIndex(of: UInt8(ascii: "\n")) {
            let complete = rest[..<last]
            rest = Array(rest[(last + 1)...])
            lines = complete.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
                numbered($0)
            }
        }
        if rest.count > longest, let line = end() { lines.append(line) }
        return lines
    }

    /// The last line, if the input did not end with a line end.
    mutating func end() -> (number: Int, bytes: ArraySlice<UInt8>)? {
        guard !rest.isEmpty else { return nil }
        defer { rest = [] }
        return numbered(rest[...])
    }

    private mutating func numbered(_ bytes: ArraySlice<UInt8>) -> (number: Int, bytes: ArraySlice<UInt8>) {
        count += 1
        return (count, bytes)
    }
}

internal import Foundation

/// Cuts what is read from a file or a pipe into lines, as it comes.
struct LineReader {
    private var rest: [UInt8] = []
    /// The number of lines given out.
    private(set) var count = 0

    init() {}

    /// The lines that `bytes` completes, with their numbers, counted from 1.
    mutating func lines(adding bytes: some Sequence<UInt8>) -> [(number: Int, bytes: ArraySlice<UInt8>)] {
        let looked = rest.count
        rest.append(contentsOf: bytes)
        guard let last = rest[looked...].lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let complete = rest[..<last]
        rest = Array(rest[(last + 1)...])
        return complete.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            numbered($0)
        }
    }

    /// The last line, if the input did not end with a line's end.
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

import Testing

@testable import HoldfastTool

@Suite struct LineReaderTests {
    /// The lines of `text`, read in pieces of `size` bytes.
    private static func lines(_ text: String, size: Int) -> [String] {
        var reader = LineReader()
        var lines: [(number: Int, bytes: ArraySlice<UInt8>)] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            lines += reader.lines(adding: rest.prefix(size))
            rest = rest.dropFirst(size)
        }
        if let last = reader.end() { lines.append(last) }
        #expect(lines.map(\.number) == Array(1..<(lines.count + 1)))
        return lines.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test(arguments: 1...12)
    func `Lines are the same however the input is cut`(size: Int) {
        #expect(Self.lines("one\n\nthrée\nfour", size: size) == ["one", "", "thrée", "four"])
        #expect(Self.lines("one\ntwo\n", size: size) == ["one", "two"])
        #expect(Self.lines("", size: size) == [])
    }

    @Test func `A line that is too long is given out before its end comes`() {
        var reader = LineReader(longest: 4)
        let first = reader.lines(adding: Array("one\ntwo2".utf8))
        #expect(first.map(\.number) == [1])
        let second = reader.lines(adding: Array("x".utf8))
        #expect(second.map(\.number) == [2])
        #expect(second.map { String(decoding: $0.bytes, as: UTF8.self) } == ["two2x"])
    }
}

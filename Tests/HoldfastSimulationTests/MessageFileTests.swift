import Foundation
import HoldfastSimulation
import Testing

@Suite struct MessageFileTests {
    private static func read(_ text: String, by: String? = nil, of: String? = nil) throws -> MessageFile {
        try MessageFile(contents: Data(text.utf8), totals: TotalsRule(by: by, of: of))
    }

    @Test func `Ids come from the field when every line has one of its own`() throws {
        let file = try Self.read(#"{"id":"a"}"# + "\n" + #"{"id":7}"# + "\n")
        #expect(file.idSource == .field)
        #expect(file.messages.map(\.id) == ["a", "7"])
    }

    @Test func `Ids are line numbers when one is missing`() throws {
        let file = try Self.read(#"{"id":"a"}"# + "\n\n" + "[1,2]")
        #expect(file.idSource == .lineNumber(because: "line 3 has no id of 1 to 512 bytes"))
        #expect(file.messages.map(\.id) == ["1", "3"])
    }

    @Test func `Ids are line numbers when two are alike, also as text and as number`() throws {
        let file = try Self.read(#"{"id":"7"}"# + "\n" + #"{"id":7}"#)
        #expect(file.idSource == .lineNumber(because: "lines 1 and 2 have the same id"))
        #expect(file.messages.map(\.id) == ["1", "2"])
    }

    @Test(arguments: [
        "null", "true", "0", "1.5", "\"text\"", "[]", "{}", #"{"a":[1,{"b":null}]}"#,
        "12345678901234567890.10",
    ])
    func `Any JSON value is a message and is sent as it stands in the file`(text: String) throws {
        #expect(try Self.read(" \(text)\t\r\n").messages.map(\.body) == [Array(text.utf8)])
    }

    @Test(arguments: ["{", "nonsense", "1 2", #"{"a":1}x"#, "\u{1B}[2J"])
    func `A bad line is told by its number, with nothing that moves a cursor`(line: String) {
        let error = #expect(throws: InputError.self) { try Self.read("1\n\(line)\n3") }
        #expect(error?.line == 2)
        #expect(error?.description.hasPrefix("line 2: not one JSON value: ") == true)
        #expect(error?.description.contains("\u{1B}") == false)
    }

    @Test func `A file without messages is refused`() {
        #expect(throws: InputError(line: nil, reason: "there is no message in it")) {
            try Self.read("\n \r\n")
        }
    }

    @Test func `Totals add the amounts of each group`() throws {
        let lines = [
            #"{"section":"libs","size":10}"#, #"{"section":"doc","size":"5"}"#,
            #"{"section":"libs","size":-3}"#,
        ]
        let file = try Self.read(lines.joined(separator: "\n"), by: "section", of: "size")
        #expect(file.totals == ["libs": 7, "doc": 5])
    }

    @Test func `Without rules the total is the number of messages`() throws {
        #expect(try Self.read("1\n2\n3").totals == [TotalsRule.everything: 3])
    }

    @Test(arguments: [
        (#"{"size":1}"#, "section"), (#"{"section":"a"}"#, "size"), (#"{"section":"a","size":1.5}"#, "size"),
        (#"{"section":"a","size":9223372036854775807}"#, "size"),
    ])
    func `A line without its share is told by its number`(line: String, field: String) {
        let good = #"{"section":"a","size":1}"#
        let error = #expect(throws: InputError.self) {
            try Self.read("\(good)\n\(line)", by: "section", of: "size")
        }
        #expect(error?.line == 2)
        #expect(error?.reason.contains("\"\(field)\"") == true)
    }
}

import Foundation
import HoldfastSimulation
import JSONLines
import RedisLink
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

    @Test(arguments: [
        "{", "nonsense", "1 2", #"{"a":1}x"#, "\u{1B}[2J", #"{"id":"trail",}"#, "[1,]", "[,1]", "[1 2]",
        #"{"a" 1}"#, #"{a:1}"#, #"{'a':1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"a":1,"\u0061":2}"#, "01", "-01",
        "1.",
        ".5", "+1", "1e", "1e+", "-", "0x1", "NaN", "Infinity", "tru", "nullx", "1 // one", "[1] /* one */",
        "\"a\tb\"", #""\x""#, #""\u12""#, #""\u123g""#, #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#,
        "\"open",
        #""\"#, "\u{FEFF}2", "[", "]", ",", ":",
    ])
    func `A bad line is told by its number, with nothing that moves a cursor`(line: String) {
        let error = #expect(throws: InputError.self) { try Self.read("1\n\(line)\n3") }
        #expect(error?.line == 2)
        #expect(error?.description.hasPrefix("line 2: not one JSON value: ") == true)
        #expect(error?.description.contains("\u{1B}") == false)
    }

    @Test func `A bad line is quoted as it stands, with what is wrong and where`() {
        let error = #expect(throws: InputError.self) { try Self.read(#"{"id":"trail",}"#) }
        #expect(
            error?.description
                == #"line 1: not one JSON value: "{"id":"trail",}" (at byte 15: expected a name in double quotes)"#
        )
    }

    private static let written: [(String, JSONValue)] = [
        (
            #"["\u00e9\n\/\"\\\b\f\r\t\ud83d\ude00"]"#,
            JSONValue.array([JSONValue.string("é\n/\"\\\u{8}\u{C}\r\t😀")])
        ),
        (
            "[0,-0,-5,1e2,1.0,1.5,-2.5E-1]",
            JSONValue.array([
                JSONValue.integer(0), .integer(0), .integer(-5), .integer(100), .integer(1), .number(1.5),
                .number(-0.25),
            ])
        ),
        (
            #" { "a" : [ ] , "b" : { } , "c" : null , "d" : true , "" : false } "#,
            JSONValue.object([
                ExactText("a"): .array([]), ExactText("b"): .object([:]), ExactText("c"): .null,
                ExactText("d"): .bool(true), ExactText(""): .bool(false),
            ])
        ),
        ("9223372036854775807", JSONValue.integer(.max)), ("-9223372036854775808", JSONValue.integer(.min)),
        (
            "{\"e\u{301}\":1,\"\u{E9}\":2}",
            JSONValue.object([ExactText("e\u{301}"): .integer(1), ExactText("\u{E9}"): .integer(2)])
        ),
    ]

    @Test(arguments: written)
    func `JSON is read as it is written`(text: String, value: JSONValue) throws {
        #expect(try #require(try JSONLine(Array(text.utf8), number: 1)).value == value)
    }

    @Test func `A byte order mark at the beginning of the file is no part of the message`() throws {
        #expect(
            try Self.read("\u{FEFF}{\"id\":1}\n2").messages.map(\.body) == [
                Array(#"{"id":1}"#.utf8), Array("2".utf8),
            ])
    }

    @Test func `What is not UTF-8 is refused, and not shown`() {
        for bytes in [
            [0xFF, 0xFE, 0x31, 0x00], [0x31, 0x00], [0x22, 0xE9, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
        ] as [[UInt8]] {
            let error = #expect(throws: InputError.self) {
                try MessageFile(contents: Data(bytes), totals: TotalsRule())
            }
            #expect(error?.line == 1)
            #expect(error?.reason.hasPrefix("not UTF-8") == true)
        }
    }

    @Test(arguments: [
        ("1e400", "a number beyond those of 64-bit floating point"),
        ("[-1e-400]", "a number beyond those of 64-bit floating point"),
        (
            String(repeating: "[", count: 513) + String(repeating: "]", count: 513),
            "nested more than 512 levels deep"
        ),
        (String(repeating: "[", count: 100_000), "nested more than 512 levels deep"),
    ])
    func `JSON beyond a limit is told the limit`(text: String, reason: String) throws {
        let error = #expect(throws: InputError.self) { try Self.read(text) }
        #expect(error?.reason.hasPrefix(reason) == true, "\(error?.reason ?? "-")")
        let deep = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(try Self.read(deep).messages.count == 1)
    }

    @Test func `A file without messages is refused`() {
        #expect(throws: InputError(line: nil, reason: "it contains no message")) {
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
        (#"{"section":"a","size":9223372036854775808}"#, "size"),
        (#"{"section":9223372036854775808,"size":1}"#, "section"),
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

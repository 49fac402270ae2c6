import HoldfastTesting
import RedisTestRig
import Testing

@testable import RedisLink

@Suite("The reply parser")
struct ReplyParserTests {
    private static let samples: [(bytes: [UInt8], value: RedisValue)] = [
        (RESP2.ok, .status("OK")),
        (RESP2.status(""), .status("")),
        (RESP2.status("OKAY"), .status("OKAY")),
        (RESP2.error("ERR no"), .error("ERR no")),
        (RESP2.integer(0), .integer(0)),
        (RESP2.integer(.max), .integer(.max)),
        (RESP2.integer(.min), .integer(.min)),
        (RESP2.null, .null),
        (Array("*-1\r\n".utf8), .null),
        (RESP2.bulk(""), .bytes([])),
        (RESP2.bulk("hello"), .bytes(Array("hello".utf8))),
        (RESP2.bulk([0, 13, 10, 0, 255]), .bytes([0, 13, 10, 0, 255])),
        (RESP2.bulk(Array(repeating: 7, count: 100_000)), .bytes(Array(repeating: 7, count: 100_000))),
        (RESP2.array([]), .array([])),
        (
            RESP2.array([RESP2.integer(1), RESP2.null, RESP2.error("E x"), RESP2.array([RESP2.bulk("a")])]),
            .array([.integer(1), .null, .error("E x"), .array([.bytes([0x61])])])
        ),
        (Array("*2\r\n*-1\r\n*0\r\n".utf8), .array([.null, .array([])])),
        (nested(7, RESP2.integer(5)), (0..<7).reduce(.integer(5)) { value, _ in .array([value]) }),
    ]

    private static func nested(_ depth: Int, _ inner: [UInt8]) -> [UInt8] {
        Array(String(repeating: "*1\r\n", count: depth).utf8) + inner
    }

    private func parse(
        _ bytes: [UInt8], pieces: Int = .max, limit: Int = 1 << 20, elements: Int = 1 << 20
    ) throws -> [RedisValue] {
        let parser = ReplyParser(maximumReplyBytes: limit, maximumElements: elements)
        var values: [RedisValue] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(pieces))
            rest = rest.dropFirst(piece.count)
            try piece.withUnsafeBytes { try parser.feed($0) }
            while let value = try parser.next() { values.append(value) }
        }
        return values
    }

    @Test("every type of reply becomes its value", arguments: samples.indices)
    func types(index: Int) throws {
        let sample = Self.samples[index]
        #expect(try parse(sample.bytes) == [sample.value])
    }

    @Test("bytes that come one at a time make the same values", arguments: samples.indices)
    func oneByOne(index: Int) throws {
        let sample = Self.samples[index]
        guard sample.bytes.count < 1000 else { return }
        #expect(try parse(sample.bytes, pieces: 1) == [sample.value])
    }

    @Test("500 random streams in random pieces make the values that were encoded")
    func random() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let replies = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                Self.samples.randomElement(using: &random)!
            }.filter { $0.bytes.count < 1000 }
            let stream = replies.flatMap(\.bytes)
            let size = Int.random(in: 1...50, using: &random)
            #expect(try parse(stream, pieces: size) == replies.map(\.value))
        }
    }

    @Test("no prefix of a reply makes a value", arguments: samples.indices)
    func prefixes(index: Int) throws {
        let bytes = Self.samples[index].bytes
        guard bytes.count < 1000 else { return }
        for length in bytes.indices {
            #expect(try parse(Array(bytes[..<length])) == [], "the first \(length) bytes")
        }
    }

    @Test(
        "what is not RESP is a protocol violation",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n\r\n", "garbage", "\r\n", "\u{0}\u{0}", ":\r\n", ":12x\r\n",
            ":9223372036854775808\r\n", "$x\r\n", "$-2\r\n", "*x\r\n", "*-2\r\n", "*1\r\n?\r\n",
            "\u{15}\u{3}\u{1}\u{0}\u{2}",
        ])
    func garbage(text: String) {
        let error = #expect(throws: RedisError.self) { try parse(Array(text.utf8)) }
        #expect(error?.code == .protocolViolation)
        #expect(error?.delivery == .unknown)
    }

    @Test("values before the garbage are good, and after it nothing is")
    func broken() throws {
        let parser = ReplyParser(maximumReplyBytes: 1000)
        try Array("+OK\r\nbad\r\n+OK\r\n".utf8).withUnsafeBytes { try parser.feed($0) }
        #expect(try parser.next() == .status("OK"))
        #expect(throws: RedisError.self) { try parser.next() }
        #expect(throws: RedisError.self) { try parser.next() }
    }

    @Test("deeper than hiredis can nest is a protocol violation")
    func tooDeep() {
        for depth in [8, 9, 10, 100, 10_000] {
            let error = #expect(throws: RedisError.self) { try parse(Self.nested(depth, RESP2.integer(1))) }
            #expect(error?.code == .protocolViolation)
        }
    }

    @Test("a reply may have as many bytes as is set, whatever its kind, and not one piece more")
    func tooLarge() throws {
        let limit = 10_000
        let largest = [
            RESP2.bulk(Array(repeating: 1, count: 9000)),
            RESP2.array(Array(repeating: RESP2.integer(1), count: 2000)),
            RESP2.array(Array(repeating: RESP2.array([RESP2.bulk("abcdefgh")]), count: 500)),
        ]
        for bytes in largest {
            // The limit is for one reply: many of them may follow each other.
            #expect(try parse(bytes + bytes + bytes, pieces: 100, limit: limit).count == 3)
        }
        let tooLarge = [
            RESP2.bulk(Array(repeating: 1, count: 20_000)),
            Array("+".utf8) + Array(repeating: 0x61, count: 20_000),
            RESP2.array(Array(repeating: RESP2.integer(1), count: 5000)),
            RESP2.array(Array(repeating: RESP2.array([RESP2.bulk("abcdefgh")]), count: 2000)),
        ]
        for bytes in tooLarge {
            let error = #expect(throws: RedisError.self) { try parse(bytes, pieces: 100, limit: limit) }
            #expect(error?.code == .protocolViolation)
            #expect(error?.message.contains("10000 bytes") == true)
        }
    }

    @Test(
        "an announced size costs no memory before its bytes are there",
        arguments: [
            "*2147483647\r\n", "*1000001\r\n:1\r\n", "*1\r\n*2000000000\r\n", "*9223372036854775807\r\n",
        ])
    func announced(text: String) {
        let error = #expect(throws: RedisError.self) { try parse(Array(text.utf8), elements: 1_000_000) }
        #expect(error?.code == .protocolViolation)
    }

    @Test("as many elements as is set are allowed")
    func elements() throws {
        let bytes = RESP2.array(Array(repeating: RESP2.integer(1), count: 50))
        #expect(try parse(bytes, elements: 50).first?.array?.count == 50)
        #expect(throws: RedisError.self) { try parse(bytes, elements: 49) }
    }
}

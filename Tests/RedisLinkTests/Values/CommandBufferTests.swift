import HoldfastTesting
import RedisTestRig
import Testing

@testable import RedisLink

@Suite("The buffer of outgoing commands")
struct CommandBufferTests {
    /// Takes the first `limit` bytes of the buffer.
    private func drain(_ buffer: inout CommandBuffer, limit: Int = .max) -> (bytes: [UInt8], failure: String?)
    {
        var taken: [UInt8] = []
        let failure = buffer.drain { bytes in
            let count = min(bytes.count, limit - taken.count)
            guard count > 0 else { return .wouldBlock }
            taken += bytes.prefix(count)
            return .bytes(count)
        }
        return (taken, failure)
    }

    private func formatted(_ command: RedisCommand) -> [UInt8] {
        var buffer = CommandBuffer()
        #expect(buffer.append(command) == buffer.end)
        return drain(&buffer).bytes
    }

    @Test("a command is an array of bulk strings")
    func plain() {
        #expect(formatted(["PING"]) == Array("*1\r\n$4\r\nPING\r\n".utf8))
        #expect(
            formatted(["SET", "k", "väl"])
                == Array("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\nväl\r\n".utf8))
    }

    @Test(
        "integers are decimal, to the ends of their range",
        arguments: [0, 1, -1, 9, 10, -10, 99, 100, 12345, Int64.max, Int64.max - 1, Int64.min, Int64.min + 1])
    func integers(value: Int64) {
        #expect(formatted(["X", .integer(value)]) == RESP2.command(["X", String(value)]))
    }

    @Test("any bytes go out as they are")
    func anyBytes() {
        let odd: [[UInt8]] = [
            [], [0], [0, 0, 0], Array("\r\n".utf8), Array("$5\r\nhello\r\n".utf8), [0xFF, 0xFE, 0xC0],
            Array(0...255), Array(repeating: 0x61, count: 200_000),
        ]
        for bytes in odd {
            let expected = RESP2.array([RESP2.bulk("ECHO"), RESP2.bulk(bytes)])
            #expect(formatted(["ECHO", .bytes(bytes)]) == expected)
        }
        #expect(formatted(["ECHO", .bytes([]), ""]) == RESP2.command(["ECHO", "", ""]))
        #expect(formatted(["ECHO", "a\u{0}b\r\nc"]) == RESP2.command(["ECHO", "a\u{0}b\r\nc"]))
    }

    @Test("2,000 random commands in random drains come out whole and in order")
    func random() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            var buffer = CommandBuffer()
            var expected: [UInt8] = []
            var actual: [UInt8] = []
            for _ in 0..<10 {
                let command = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                    (0..<Int.random(in: 0...40, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                }
                let end = buffer.append(RedisCommand(command.map(RedisArgument.bytes)))
                expected += RESP2.array(command.map { RESP2.bulk($0) })
                #expect(end == UInt64(expected.count))
                actual += drain(&buffer, limit: Int.random(in: 0...120, using: &random)).bytes
                #expect(buffer.sent == UInt64(actual.count))
                #expect(buffer.end == UInt64(expected.count))
                #expect(buffer.isEmpty == (actual.count == expected.count))
            }
            actual += drain(&buffer).bytes
            #expect(actual == expected)
            #expect(buffer.isEmpty)
        }
    }

    @Test("a failed drain says why and how far the socket got")
    func failure() {
        var buffer = CommandBuffer()
        let first = buffer.append(["PING"])
        let second = buffer.append(["PING"])
        var calls = 0
        let failure = buffer.drain { _ in
            calls += 1
            return calls == 1 ? .bytes(20) : .closed("broken")
        }
        #expect(failure == "broken")
        #expect(buffer.sent == 20)
        #expect(first == 14 && second == 28)
    }

    @Test("a buffer that is never quite empty does not keep what was sent")
    func bounded() {
        var buffer = CommandBuffer()
        let command: RedisCommand = ["SET", "k", .bytes(Array(repeating: 0, count: 10_000))]
        var appended = 0
        var sent = 0
        for _ in 0..<2000 {
            appended = Int(buffer.append(command))
            sent += drain(&buffer, limit: appended - sent - 1).bytes.count
        }
        #expect(buffer.sent == UInt64(sent) && sent == appended - 1)
        #expect(buffer.footprint < 1 << 20, "20 MB have passed")
    }
}

import Testing

@testable import RedisLink

@Suite("Values, arguments, errors, scripts")
struct ValueTests {
    @Test("a value is read as what it spells")
    func reading() {
        #expect(RedisValue.bytes(Array("-42".utf8)).integer == -42)
        #expect(RedisValue.status("7").integer == 7)
        #expect(RedisValue.integer(.min).integer == .min)
        #expect(RedisValue.bytes(Array("4x".utf8)).integer == nil)
        #expect(RedisValue.null.integer == nil)
        #expect(RedisValue.bytes([0x61, 0xFF]).string == "a\u{FFFD}")
        #expect(RedisValue.bytes([0x61, 0xFF]).bytes == [0x61, 0xFF])
        #expect(RedisValue.array([.null]).array == [.null])
        #expect(RedisValue.null.isNull && !RedisValue.array([]).isNull)
    }

    @Test("a duration becomes whole milliseconds, rounded towards zero")
    func milliseconds() {
        #expect(RedisArgument(milliseconds: .seconds(30)) == .integer(30_000))
        #expect(RedisArgument(milliseconds: .microseconds(1999)) == .integer(1))
        #expect(RedisArgument(milliseconds: .nanoseconds(999_999)) == .integer(0))
        #expect(RedisArgument(milliseconds: .milliseconds(-1500)) == .integer(-1500))
    }

    @Test("an error reply is refused, and its kind is its first word")
    func errorReply() {
        for (text, kind) in [("WRONGTYPE Operation against", "WRONGTYPE"), ("OOM", "OOM"), ("", "")] {
            let error = RedisError(reply: text)
            #expect(error.code == .refused)
            #expect(error.delivery == .refused)
            #expect(error.replyKind == kind)
            #expect(error.message == text)
        }
    }

    @Test("a script's digest is the SHA-1 of its text")
    func digest() {
        #expect(
            RedisScript(name: "x", source: "return 1").digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
        #expect(RedisScript(name: "x", source: "").digest == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }
}

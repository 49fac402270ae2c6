import RedisLink
import Testing

@Suite("What shows that a reply is the one to its command")
struct ReplyCheckTests {
    private static let token = "0123456789abcdef:00000001111112222222333333344444"

    @Test("a number in the reply or in its first element, with a yes or a no")
    func number() {
        let check = ReplyCheck.number(9)
        for value in [
            RedisValue.integer(18), .integer(19), .array([.integer(18)]), .array([.integer(19), .null]),
        ] {
            #expect(check.accepts(value))
        }
        for value in [
            RedisValue.integer(17), .integer(20), .integer(.min), .integer(.max), .null, .status("OK"),
            .bytes(Array("18".utf8)), .array([]), .array([.null, .integer(18)]), .array([.integer(20)]),
        ] {
            #expect(!check.accepts(value), "\(value)")
        }
        for (value, isYes) in [(RedisValue.integer(18), false), (.integer(19), true), (.null, false)] {
            #expect(RedisReply(value: value, sentAt: .now).isYes == isYes)
            #expect(RedisReply(value: .array([value, .null]), sentAt: .now).isYes == isYes)
        }
    }

    @Test("OK or nil, where the command has no other answer")
    func okOrNull() {
        #expect(ReplyCheck.okOrNull.accepts(.null))
        #expect(ReplyCheck.okOrNull.accepts(.status("OK")))
        for value in [RedisValue.integer(1), .status("PONG"), .bytes(Array("OK".utf8)), .array([])] {
            #expect(!ReplyCheck.okOrNull.accepts(value))
            #expect(ReplyCheck.none.accepts(value))
        }
    }

    @Test("the number is the digits of a token that a script would read, or there is none")
    func digits() {
        #expect(ReplyCheck.digits(of: Self.token, before: 0) == .number(0x334_4444))
        #expect(ReplyCheck.digits(of: Self.token, before: 7) == .number(0x223_3333))
        for other in ["", "token", "0123456789abcdeF", "12345x7"] {
            #expect(ReplyCheck.digits(of: other, before: 0) == .none)
        }
    }
}

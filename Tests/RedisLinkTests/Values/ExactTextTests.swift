import RedisLink
import Testing

@Suite("A text as Redis compares it")
struct ExactTextTests {
    static let lookalikes = ("caf\u{E9}", "cafe\u{301}")

    @Test("differs from another spelling of the same characters, which Swift calls equal")
    func spelling() {
        let (one, other) = Self.lookalikes
        #expect(one == other)
        #expect(ExactText(one) != ExactText(other))
        #expect(!one.isExactly(other) && one.isExactly(one))
        #expect(Set([one, other, one].map(ExactText.init)).count == 2)
        #expect(ExactText(other) < ExactText(one))
        #expect([one, other].sortedExactly().map { Array($0.utf8) } == [other, one].map { Array($0.utf8) })
    }

    @Test(
        "is cut at a byte, whatever combines with it",
        arguments: ["a/b", "a/\u{301}b", "a\u{600}/b", "a/\u{200D}", "/\u{301}", "a/"])
    func cut(text: String) throws {
        let (before, after) = try #require(text.cut(at: "/"))
        #expect("\(before)/\(after)".isExactly(text))
        let last = try #require("\(text)/c".cut(atLast: "/"))
        #expect(last.before.isExactly(text) && last.after == "c")
        #expect(try #require("x/\(text)".rest(after: "x/")).isExactly(text))
        #expect("x/\(text)".rest(after: "y") == nil)
    }

    @Test("is cut at a newline after a carriage return, which is one character with it")
    func carriageReturn() throws {
        #expect(!"a\r\nb".contains("\n" as Character))
        let (before, after) = try #require("a\r\nb".cut(at: "\n"))
        #expect(before.isExactly("a\r") && after == "b")
        #expect("ab".cut(at: "\n") == nil)
    }
}

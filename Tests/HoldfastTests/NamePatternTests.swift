import Testing

@testable import Holdfast

@Suite("A pattern of names")
struct NamePatternTests {
    @Test(
        "goes by bytes, as that of SCAN",
        arguments: [
            ("", "", true), ("", "a", false), ("*", "", true), ("*", "anything", true), ("a*", "a", true),
            ("a*", "ba", false), ("*a", "aaa", true), ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("a?c", "abc", true), ("a?c", "ac", false), ("caf?", "caf\u{E9}", false),
            ("caf??", "caf\u{E9}", true),
            ("caf\u{E9}", "cafe\u{301}", false), ("[abc]", "b", true), ("[abc]", "d", false),
            ("[a-c]x", "bx", true),
            ("[c-a]", "b", true), ("[^a-c]", "b", false), ("[^a-c]", "x", true), ("[^a]", "", false),
            ("[\\]]", "]", true), ("[a-]", "-", true), ("[", "[", true), ("[ab", "[ab", true),
            ("\\*", "*", true),
            ("\\*", "a", false), ("\\", "\\", true), ("*\\?", "a?", true), ("**", "", true),
            ("a**b", "ab", true),
        ])
    func matching(pattern: String, name: String, matches: Bool) {
        #expect(NamePattern(pattern).matches(name) == matches)
    }

    @Test(
        "knows what all its names begin with",
        arguments: [
            ("a*b", "a"), ("a\\*b?", "a*b"), ("*", ""), ("a[bc]", "a"), ("abc", "abc"), ("a[b", "a[b"),
        ])
    func beginning(pattern: String, beginning: String) {
        #expect(NamePattern(pattern).beginning == Array(beginning.utf8))
    }

    @Test("takes no longer for many stars")
    func stars() {
        let pattern = NamePattern(String(repeating: "a*", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 512)))
    }
}

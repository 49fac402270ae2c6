import RedisLink
import Testing

@Suite struct TerminalTextTests {
    @Test(arguments: [
        ("plain ünïcödé 漢字 🙂", "plain ünïcödé 漢字 🙂"), ("a\\n", "a\\\\n"), ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u{1B}[2J", "\\u{1B}[2J"), ("\u{0}\u{9B}", "\\u{0}\\u{9B}"), ("a\u{202E}b", "a\\u{202E}b"),
        ("\u{2028}", "\\u{2028}"),
    ])
    func `Only what could move, hide or reorder text is escaped`(text: String, escaped: String) {
        #expect(TerminalText.escaped(text) == escaped)
    }
}

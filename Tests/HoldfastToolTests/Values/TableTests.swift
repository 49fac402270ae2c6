import Testing

@testable import HoldfastTool

@Suite struct TableTests {
    @Test func `Columns are aligned, and what is not known is a dash`() {
        var table = Table([("NAME", .left), ("COUNT", .right), ("NOTE", .left)])
        table.add(["a", "5", nil])
        table.add(["longer name", "12345678", "x"])
        #expect(
            table.text == """
                NAME            COUNT  NOTE
                a                   5  -
                longer name  12345678  x

                """)
    }

    @Test func `A table without rows is its heading`() {
        #expect(Table([("NAME", .left), ("FENCE", .right)]).text == "NAME  FENCE\n")
    }

    @Test(arguments: [
        ("abc", 3), ("名前", 4), ("ｶﾅ", 2), ("한국", 4), ("\u{1112}\u{1161}\u{11AB}", 2), ("e\u{301}", 1),
        ("é", 1),
        ("👍🏽", 2), ("❤\u{FE0F}", 2), ("❤", 1), ("🇩🇪", 2), ("1\u{FE0F}\u{20E3}", 2), ("１２", 4), ("\u{1F3FD}", 2),
        ("", 0),
    ])
    func `A text is as wide as a terminal shows it`(text: String, columns: Int) {
        #expect(TextWidth.columns(of: text) == columns)
    }

    @Test func `Columns are in line whatever script a name is in`() {
        var table = Table([("NAME", .left), ("N", .right), ("NOTE", .left)])
        table.add(["受注キュー", "1", "a"])
        table.add(["orders", "22", nil])
        table.add(["cafe\u{301} 👍🏽", "3", "b"])
        #expect(
            table.text == """
                NAME         N  NOTE
                受注キュー   1  a
                orders      22  -
                cafe\u{301} 👍🏽      3  b

                """)
    }

    @Test
    func `A table that is shown while it grows has one heading, and columns that never become narrower`() {
        var table = Table([("NAME", .left), ("N", .right)])
        table.add(["a long name", "1"])
        #expect(table.takeText() == "NAME         N\na long name  1\n")
        table.add(["b", "200"])
        #expect(table.takeText() == "b            200\n")
        #expect(table.takeText() == "")
    }

    @Test func `Control characters can't reach the terminal`() {
        var table = Table([("NAME", .left)])
        table.add(["\u{1B}[31mred\nnext\u{202E}"])
        #expect(table.text == "NAME\n\\u{1B}[31mred\\nnext\\u{202E}\n")
    }
}

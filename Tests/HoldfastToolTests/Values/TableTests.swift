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

    @Test func `Control characters can't reach the terminal`() {
        var table = Table([("NAME", .left)])
        table.add(["\u{1B}[31mred\nnext\u{202E}"])
        #expect(table.text == "NAME\n\\u{1B}[31mred\\nnext\\u{202E}\n")
    }
}

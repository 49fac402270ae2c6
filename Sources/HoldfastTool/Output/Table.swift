internal import RedisLink

/// Rows under a heading, every column as wide as its widest cell. Cells are escaped for the terminal.
struct Table {
    enum Alignment {
        case left
        case right
    }

    private let columns: [(heading: String, alignment: Alignment)]
    private var rows: [[String]]
    private var widths: [Int]

    init(_ columns: [(String, Alignment)]) {
        self.columns = columns
        rows = [columns.map(\.0)]
        widths = columns.map { TextWidth.columns(of: $0.0) }
    }

    /// Adds a row; a nil cell is shown as a dash.
    mutating func add(_ cells: [String?]) {
        precondition(cells.count == columns.count, "a row has one cell for each column")
        let row = cells.map { $0.map(TerminalText.escaped) ?? "-" }
        for (column, cell) in row.enumerated() {
            widths[column] = max(widths[column], TextWidth.columns(of: cell))
        }
        rows.append(row)
    }

    var text: String {
        var table = self
        return table.takeText()
    }

    /// The rows added since the last call, with the heading the first time: for a table that is shown while
    /// it grows. Its columns become wider, never narrower.
    mutating func takeText() -> String {
        defer { rows = [] }
        return rows.map { cells in
            var line = ""
            // Blanks are written only if something follows them on the line.
            var blanks = 0
            for (column, cell) in cells.enumerated() {
                let padding = widths[column] - TextWidth.columns(of: cell)
                if columns[column].alignment == .right { blanks += padding }
                line += String(repeating: " ", count: blanks) + cell
                blanks = 2 + (columns[column].alignment == .left ? padding : 0)
            }
            return line + "\n"
        }.joined()
    }
}

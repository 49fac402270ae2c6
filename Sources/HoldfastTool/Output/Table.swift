internal import HoldfastSimulation

/// Rows under a heading, every column as wide as its widest cell. Cells are escaped for the terminal.
struct Table {
    enum Alignment {
        case left
        case right
    }

    private let columns: [(heading: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: [(String, Alignment)]) {
        self.columns = columns
    }

    /// Adds a row; a nil cell is shown as a dash.
    mutating func add(_ cells: [String?]) {
        precondition(cells.count == columns.count, "a row has one cell for each column")
        rows.append(cells.map { $0.map(TerminalText.escaped) ?? "-" })
    }

    var text: String {
        let lines = [columns.map(\.heading)] + rows
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            let padded = columns.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - cells[column].count)
                return columns[column].alignment == .left ? cells[column] + padding : padding + cells[column]
            }
            let line = padded.joined(separator: "  ")
            return line.replacing(/\s+$/, with: "") + "\n"
        }.joined()
    }
}

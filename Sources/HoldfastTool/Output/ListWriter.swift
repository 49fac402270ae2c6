/// What a list shows for one item.
protocol ListRow: Encodable {
    /// The columns of the table.
    static var columns: [(String, Table.Alignment)] { get }
    /// One for each column; nil is shown as a dash.
    var cells: [String?] { get }
}

/// A list that is written while it is found: a table, or one JSON object with an array.
struct ListWriter<Row: ListRow> {
    private let key: String
    private let asJSON: Bool
    private var table = Table(Row.columns)
    private var isBegun = false
    private(set) var isEmpty = true

    /// - Parameter key: the name of the array.
    init(_ key: String, asJSON: Bool) {
        self.key = key
        self.asJSON = asJSON
    }

    mutating func write(_ rows: [Row]) throws {
        guard !rows.isEmpty else { return }
        if asJSON {
            // In the form that one whole object would have.
            let array = try Console.json(rows)
            let elements = String(array.dropFirst("[\n".count).dropLast("\n]".count))
            try Console.write((isBegun ? ",\n  " : heading + "\n  ") + elements.replacing("\n", with: "\n  "))
        } else {
            for row in rows { table.add(row.cells) }
            try Console.write(table.takeText())
        }
        isBegun = true
        isEmpty = false
    }

    /// Ends the list, even an empty one.
    mutating func end() throws {
        if asJSON {
            try Console.write(isBegun ? "\n  ]\n}\n" : "\(heading)\n\n  ]\n}\n")
        } else if !isBegun {
            try Console.write(table.takeText())
        }
    }

    private var heading: String { "{\n  \"\(key)\" : [" }

    static func table(_ rows: [Row]) -> String {
        var table = Table(Row.columns)
        for row in rows { table.add(row.cells) }
        return table.text
    }
}

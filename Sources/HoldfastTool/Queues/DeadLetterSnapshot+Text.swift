internal import HoldfastInspection
internal import RedisLink

extension DeadLetterSnapshot: ListRow {
    private var deadFor: String { DurationText.short(.milliseconds(deadForMilliseconds)) }

    static let columns: [(String, Table.Alignment)] = [
        ("LETTER", .left), ("ID", .left), ("TYPE", .left), ("ATTEMPTS", .right), ("DEAD FOR", .right),
        ("REASON", .left),
    ]

    var cells: [String?] { [letter, id, type.isEmpty ? nil : type, String(attempts), deadFor, reason] }

    /// One line for each known fact.
    var text: String {
        var lines = [("letter", letter), ("id", id)]
        if !type.isEmpty { lines.append(("type", type)) }
        lines += [
            ("attempts", String(attempts)), ("dead for", deadFor), ("reason", reason),
            ("bytes", String(bodyBytes)),
            ("body", body),
        ]
        return lines.map { name, value in
            "\(name)\(String(repeating: " ", count: 10 - name.count))\(TerminalText.escaped(value))\n"
        }.joined()
    }
}

internal import Holdfast
internal import RedisLink

/// What was put back. As JSON these are documented, stable field names.
struct ReplayReport: Encodable, Hashable {
    var queue: String
    var replayed = 0
    /// Letters that were not there (any more), or have no message.
    var missing = 0

    init(queue: String) {
        self.queue = queue
    }

    mutating func count(_ entries: [String?]) {
        replayed += entries.count { $0 != nil }
        missing += entries.count { $0 == nil }
    }

    var text: String {
        let rest = missing == 0 ? "" : ", \(missing) not there any more, or without a message"
        return
            "\(replayed.counted("message")) put back into \(TerminalText.escaped(queue))\(rest)\n"
    }
}

/// What was removed. As JSON these are documented, stable field names.
struct RemovalReport: Encodable, Hashable {
    var queue: String
    var removed = 0
    /// Letters that were not there (any more).
    var missing = 0
    /// Whether the ids can be sent again.
    var forgotten: Bool

    init(queue: String, forgotten: Bool) {
        self.queue = queue
        self.forgotten = forgotten
    }

    mutating func count(_ ids: [String?]) {
        removed += ids.count { $0 != nil }
        missing += ids.count { $0 == nil }
    }

    var text: String {
        let rest = missing == 0 ? "" : ", \(missing) not there any more"
        let ids = forgotten ? "their ids are forgotten" : "their ids stay known for 7 days"
        return
            "\(removed.counted("dead letter")) of \(TerminalText.escaped(queue)) removed\(rest); \(ids)\n"
    }
}

/// What the tool tells of one dead letter. As JSON these are documented, stable field names.
struct DeadLetterDescription: ListRow, Hashable {
    var letter: String
    var id: String
    var type: String
    var attempts: Int
    var reason: String
    var deadForMilliseconds: Int64
    var body: String
    var bodyBytes: Int

    init(_ letter: DeadLetter) {
        self.letter = letter.entry
        id = letter.id
        type = letter.type
        attempts = letter.attempts
        reason = letter.reason
        deadForMilliseconds = letter.age.inMilliseconds
        body = String(decoding: letter.body, as: UTF8.self)
        bodyBytes = letter.bodyBytes
    }

    private var deadFor: String { DurationText.short(.milliseconds(deadForMilliseconds)) }

    static let columns: [(String, Table.Alignment)] = [
        ("LETTER", .left), ("ID", .left), ("TYPE", .left), ("ATTEMPTS", .right), ("DEAD FOR", .right),
        ("REASON", .left),
    ]

    var cells: [String?] { [letter, id, type.isEmpty ? nil : type, String(attempts), deadFor, reason] }

    /// One line for each thing known.
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

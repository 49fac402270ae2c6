internal import RedisLink

/// What was put back. As JSON these are documented, stable field names.
struct ReplayReport: Encodable, Hashable {
    var queue: String
    var replayed = 0
    /// Letters that were not there, or not there any more, or have no message.
    var missing = 0

    init(queue: String) {
        self.queue = queue
    }

    mutating func count(_ entries: [String?]) {
        replayed += entries.count { $0 != nil }
        missing += entries.count { $0 == nil }
    }

    var text: String {
        let rest = missing == 0 ? "" : ", \(missing) no longer there, or without a message"
        return
            "\(replayed.counted("message")) put back into \(TerminalText.escaped(queue))\(rest)\n"
    }
}

/// What was removed. As JSON these are documented, stable field names.
struct RemovalReport: Encodable, Hashable {
    var queue: String
    var removed = 0
    /// Letters that were not there, or not there any more.
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
        let rest = missing == 0 ? "" : ", \(missing) no longer there"
        let ids = forgotten ? "their ids are forgotten" : "their ids stay known for 7 days"
        return
            "\(removed.counted("dead letter")) of \(TerminalText.escaped(queue)) removed\(rest); \(ids)\n"
    }
}

internal import HoldfastInspection

extension QueueSnapshot: ListRow {
    static let columns: [(String, Table.Alignment)] = [
        ("NAME", .left), ("READY", .right), ("IN FLIGHT", .right), ("DELAYED", .right),
        ("BLOCKED", .right), ("DEAD", .right), ("OLDEST", .right), ("PAUSED", .right),
    ]

    var cells: [String?] {
        [
            name, String(ready), String(inFlight), String(delayed), String(blocked), String(dead),
            oldestMilliseconds.map { DurationText.short(.milliseconds($0)) },
            pausedForMilliseconds.map { DurationText.short(.milliseconds($0)) },
        ]
    }

    static func table(_ queues: [QueueSnapshot]) -> String { ListWriter.table(queues) }
}

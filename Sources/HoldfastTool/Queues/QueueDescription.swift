internal import Holdfast

/// What the tool tells of one queue. As JSON these are documented, stable field names.
struct QueueDescription: ListRow, Hashable {
    var name: String
    var ready: Int
    var inFlight: Int
    var delayed: Int
    var blocked: Int
    var dead: Int
    /// Absent when nothing is in the queue.
    var oldestMilliseconds: Int64?
    /// Absent when the queue is not paused.
    var pausedForMilliseconds: Int64?

    init(_ stats: QueueStatus) {
        name = stats.name
        ready = stats.ready
        inFlight = stats.inFlight
        delayed = stats.delayed
        blocked = stats.blocked
        dead = stats.dead
        oldestMilliseconds = stats.oldestAge.map(\.inMilliseconds)
        pausedForMilliseconds = stats.pausedFor.map(\.inMilliseconds)
    }

    static let columns: [(String, Table.Alignment)] = [
        ("NAME", .left), ("READY", .right), ("IN FLIGHT", .right), ("RETRYING", .right),
        ("BLOCKED", .right), ("DEAD", .right), ("OLDEST", .right), ("PAUSED", .right),
    ]

    var cells: [String?] {
        [
            name, String(ready), String(inFlight), String(delayed), String(blocked), String(dead),
            oldestMilliseconds.map { DurationText.short(.milliseconds($0)) },
            pausedForMilliseconds.map { DurationText.short(.milliseconds($0)) },
        ]
    }

    static func table(_ queues: [QueueDescription]) -> String { ListWriter.table(queues) }
}

internal import Holdfast

/// What the tool tells of one queue. As JSON these are documented, stable field names.
struct QueueDescription: Encodable, Hashable {
    var name: String
    var ready: Int
    var inFlight: Int
    var retrying: Int
    var blocked: Int
    var dead: Int
    /// Absent when nothing is in the queue.
    var oldestMilliseconds: Int64?
    /// Absent when the queue is not paused.
    var pausedForMilliseconds: Int64?

    init(_ stats: QueueStats) {
        name = stats.name
        ready = stats.ready
        inFlight = stats.inFlight
        retrying = stats.retrying
        blocked = stats.blocked
        dead = stats.dead
        oldestMilliseconds = stats.oldestAge.map(\.inMilliseconds)
        pausedForMilliseconds = stats.pausedFor.map(\.inMilliseconds)
    }

    static func table(_ queues: [QueueDescription]) -> String {
        var table = Table([
            ("NAME", .left), ("READY", .right), ("IN FLIGHT", .right), ("RETRYING", .right),
            ("BLOCKED", .right), ("DEAD", .right), ("OLDEST", .right), ("PAUSED", .right),
        ])
        for queue in queues {
            table.add([
                queue.name, String(queue.ready), String(queue.inFlight), String(queue.retrying),
                String(queue.blocked), String(queue.dead),
                queue.oldestMilliseconds.map { DurationText.short(.milliseconds($0)) },
                queue.pausedForMilliseconds.map { DurationText.short(.milliseconds($0)) },
            ])
        }
        return table.text
    }
}

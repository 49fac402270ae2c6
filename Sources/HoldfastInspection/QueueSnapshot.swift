package import Holdfast

/// How many messages one queue holds. As JSON these are documented, stable field names.
package struct QueueSnapshot: Encodable, Hashable, Sendable {
    package var name: String
    package var ready: Int
    package var inFlight: Int
    package var delayed: Int
    package var blocked: Int
    package var dead: Int
    /// Absent when the queue is empty.
    package var oldestMilliseconds: Int64?
    /// Absent when the queue is not paused.
    package var pausedForMilliseconds: Int64?

    package init(_ status: QueueStatus) {
        name = status.name
        ready = status.ready
        inFlight = status.inFlight
        delayed = status.delayed
        blocked = status.blocked
        dead = status.dead
        oldestMilliseconds = status.oldestAge.map(\.inMilliseconds)
        pausedForMilliseconds = status.pausedFor.map(\.inMilliseconds)
    }
}

package import Foundation
package import Holdfast

/// One periodic worker. As JSON these are documented, stable field names; what is not known is absent.
package struct WorkerSnapshot: Encodable, Hashable, Sendable {
    /// A run whose end is not recorded.
    package struct CurrentRun: Encodable, Hashable, Sendable {
        package var tick: String
        package var attempt: Int
        package var began: Date
        package var runningForMilliseconds: Int64
        package var fence: Int64
        package var host: String
        package var pid: Int32
        package var instance: String
        /// False for a run that ended without recording it.
        package var held: Bool

        package init(_ run: WorkerStatus.CurrentRun) {
            tick = run.tickID
            attempt = run.attempt
            began = run.began
            runningForMilliseconds = run.duration.inMilliseconds
            fence = run.fencingToken.rawValue
            host = run.host
            pid = run.pid
            instance = run.instanceID
            held = run.isHeld
        }
    }

    package var name: String
    package var schedule: String
    /// Whether an operator put the schedule in force.
    package var rescheduled: Bool
    package var version: Int
    package var pausedSince: Date?
    package var triggered: Date?
    package var nextTick: Date?
    /// For how long no tick comes due because the server's clock was set back; absent otherwise.
    package var clockLagMilliseconds: Int64?
    /// The fields of the worker's state that cannot be read; absent if there are none.
    package var unreadable: [String]?
    package var runs: [CurrentRun]
    package var lastRun: RunSnapshot?

    package init(_ status: WorkerStatus) {
        name = status.name
        schedule = status.scheduleText
        rescheduled = status.isRescheduled
        version = status.version
        pausedSince = status.pausedSince
        triggered = status.triggered
        nextTick = status.nextTick
        clockLagMilliseconds = status.clockLag?.inMilliseconds
        unreadable = status.unreadable.isEmpty ? nil : status.unreadable
        runs = status.runs.map(CurrentRun.init)
        lastRun = status.lastRun.map(RunSnapshot.init)
    }
}

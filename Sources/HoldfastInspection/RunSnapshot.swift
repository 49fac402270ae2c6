package import Foundation
package import Holdfast

/// One run of a periodic worker that ended. As JSON these are documented, stable field names.
package struct RunSnapshot: Encodable, Hashable, Sendable {
    package var tick: String
    package var triggered: Bool
    package var attempt: Int
    package var began: Date
    package var tookMilliseconds: Int64
    package var outcome: String
    /// The error of a run that failed.
    package var error: String?
    package var host: String
    package var pid: Int32
    package var instance: String

    package init(_ run: WorkerRun) {
        tick = run.tickID
        triggered = run.isTriggered
        attempt = run.attempt
        began = run.began
        tookMilliseconds = run.duration.inMilliseconds
        outcome = run.outcome.rawValue
        error = run.detail.isEmpty ? nil : run.detail
        host = run.host
        pid = run.pid
        instance = run.instanceID
    }
}

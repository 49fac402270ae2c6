internal import Foundation
internal import Holdfast
internal import RedisLink

/// What the tool tells of one periodic worker. As JSON these are documented, stable field names; what is not
/// known is absent.
struct WorkerDescription: Encodable, Hashable {
    struct Run: Encodable, Hashable {
        var tick: String
        var attempt: Int
        var began: Date
        var runningForMilliseconds: Int64
        var fence: Int64
        var host: String
        var pid: Int32
        var instance: String
        /// False for one that ended without saying so.
        var held: Bool
    }

    var name: String
    var schedule: String
    var rescheduled: Bool
    var version: Int
    var pausedSince: Date?
    var triggered: Date?
    var nextTick: Date?
    var clockLagMilliseconds: Int64?
    var unreadable: [String]?
    var runs: [Run]
    var lastRun: RunDescription?

    init(_ status: WorkerStatus) {
        name = status.name
        schedule = status.scheduleText
        rescheduled = status.isRescheduled
        version = status.version
        pausedSince = status.pausedSince
        triggered = status.triggered
        nextTick = status.nextTick
        clockLagMilliseconds = status.clockLag?.inMilliseconds
        unreadable = status.unreadable.isEmpty ? nil : status.unreadable
        runs = status.runs.map { run in
            Run(
                tick: run.tickID, attempt: run.attempt, began: run.began,
                runningForMilliseconds: run.duration.inMilliseconds, fence: run.fencingToken.rawValue,
                host: run.host, pid: run.pid, instance: run.instanceID, held: run.isHeld)
        }
        lastRun = status.lastRun.map(RunDescription.init)
    }

    private var state: String {
        if let unreadable { return "cannot read \(unreadable.joined(separator: ", "))" }
        let running = runs.filter(\.held)
        if let run = running.first {
            let more = running.count > 1 ? " and \(running.count - 1) more" : ""
            return "running on \(run.host), pid \(run.pid)\(more)"
        }
        if pausedSince != nil { return "paused" }
        if triggered != nil { return "triggered" }
        return clockLagMilliseconds == nil ? "waiting" : "clock set back"
    }

    /// What somebody should do about it.
    var advice: String? {
        guard let clockLagMilliseconds else { return nil }
        let name = TerminalText.escaped(name)
        let lag = DurationText.short(.milliseconds(clockLagMilliseconds))
        return "the clock of the Redis server was set back: no tick of \(name) begins for \(lag); "
            + "`holdfast workers rewind \(name)` lets it go on now"
    }

    static func table(_ workers: [WorkerDescription]) -> String {
        var table = Table([
            ("NAME", .left), ("SCHEDULE", .left), ("NEXT", .left), ("STATE", .left), ("LAST", .left),
            ("TOOK", .right), ("OUTCOME", .left),
        ])
        for worker in workers {
            let next = worker.pausedSince == nil ? worker.nextTick : nil
            table.add([
                worker.name, worker.schedule + (worker.rescheduled ? " (operator)" : ""),
                next?.formatted(.iso8601), worker.state, worker.lastRun?.began.formatted(.iso8601),
                worker.lastRun?.tookText, worker.lastRun?.outcome,
            ])
        }
        return table.text
    }
}

/// What the tool tells of a run that ended.
struct RunDescription: Encodable, Hashable {
    var tick: String
    var triggered: Bool
    var attempt: Int
    var began: Date
    var tookMilliseconds: Int64
    var outcome: String
    /// The error of a run that failed.
    var error: String?
    var host: String
    var pid: Int32
    var instance: String

    init(_ run: WorkerRun) {
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

    var tookText: String { DurationText.short(.milliseconds(tookMilliseconds)) }

    static func table(_ runs: [RunDescription]) -> String {
        var table = Table([
            ("TICK", .left), ("ATTEMPT", .right), ("BEGAN", .left), ("TOOK", .right), ("OUTCOME", .left),
            ("HOST", .left), ("PID", .right), ("ERROR", .left),
        ])
        for run in runs {
            table.add([
                run.tick, String(run.attempt), run.began.formatted(.iso8601), run.tookText, run.outcome,
                run.host, String(run.pid), run.error,
            ])
        }
        return table.text
    }
}

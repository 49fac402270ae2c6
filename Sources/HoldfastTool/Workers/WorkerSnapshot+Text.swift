internal import Foundation
internal import HoldfastInspection
internal import RedisLink

extension WorkerSnapshot {
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

    /// What to do about the worker, if anything.
    var advice: String? {
        guard let clockLagMilliseconds else { return nil }
        let name = TerminalText.escaped(name)
        let lag = DurationText.short(.milliseconds(clockLagMilliseconds))
        return "the clock of the Redis server was set back: no tick of \(name) begins for \(lag); "
            + "`holdfast workers rewind \(name)` lets it continue now"
    }

    static func table(_ workers: [WorkerSnapshot]) -> String {
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

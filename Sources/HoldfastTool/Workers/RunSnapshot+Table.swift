internal import Foundation
internal import HoldfastInspection

extension RunSnapshot {
    var tookText: String { DurationText.short(.milliseconds(tookMilliseconds)) }

    static func table(_ runs: [RunSnapshot]) -> String {
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

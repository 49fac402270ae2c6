internal import Foundation
internal import RedisLink

/// A report as text for people.
package enum SummaryText {
    package static func plan(_ plan: FaultPlan, lease: Duration) -> String {
        guard !plan.faults.isEmpty else { return "Fault plan of seed \(plan.seed): no faults\n" }
        let lines = plan.faults.map { fault in
            let length = fault.pauseInLeases.map { multiple in
                let seconds = decimal(multiple * (lease / .seconds(1)))
                return " for \(seconds) s, \(decimal(multiple)) leases"
            }
            return "  at \(percent(fault.moment)) done: \(fault.kind.rawValue.padded(to: 13))"
                + " \(fault.victim)\(length ?? "")\n"
        }
        return "Fault plan of seed \(plan.seed)\n" + lines.joined()
    }

    package static func summary(_ report: SimulationReport) -> String {
        let figures = report.figures
        var faults = "\(figures.kills.counted("kill")), \(figures.pauses.counted("pause"))"
        if figures.redisRestarts > 0 {
            faults += ", \(figures.redisRestarts.counted("restart")) of redis-server"
        }
        let rows = [
            (
                "messages",
                "\(figures.messages) in, \(figures.effects) effects: \(figures.lost) lost, "
                    + "\(figures.duplicateEffects) duplicate"
            ),
            (
                "deliveries",
                "\(figures.deliveries), of which \(figures.redeliveries) again after a fault; "
                    + "\(figures.absorbed.counted("repeated effect")) absorbed by the inbox, "
                    + "\(figures.lostClaims.counted("claim")) lost"
            ),
            (
                "ticks",
                "\(figures.ticks) started, \(figures.ticksTwice) of them twice; \(figures.acceptedWrites) writes "
                    + "accepted, \(figures.staleWritesRefused) stale refused"
            ),
            (
                "faults",
                "\(faults), with \(figures.messagesInFlightAtFaults.counted("message")) and "
                    + "\(figures.ticksInFlightAtFaults.counted("tick")) in flight"
            ),
            ("time", "\(decimal(figures.seconds)) s with \(report.instances.counted("instance"))"),
        ]
        var text = rows.map { "\($0.0.padded(to: 12))\($0.1)\n" }.joined() + "\n"
        for verdict in report.checks {
            text +=
                "\(verdict.holds ? "ok    " : "BROKEN") \(verdict.check.rawValue.padded(to: 30))\(verdict.finding)\n"
            text += verdict.examples.map { "       \(TerminalText.escaped($0))\n" }.joined()
        }
        return text + "\n" + conclusion(report)
    }

    private static func conclusion(_ report: SimulationReport) -> String {
        let broken = report.checks.count { !$0.holds }
        guard broken > 0 else { return "All promises held.\n" }
        let place = report.artifacts.map { " Ledger, histories and logs are in \($0)\n" } ?? "\n"
        return "\(broken) of \(report.checks.count) checks failed.\(place)"
    }

    package static func percent(_ part: Double) -> String {
        String(format: "%5.1f %%", part * 100)
    }

    package static func decimal(_ number: Double) -> String {
        String(format: "%.1f", number)
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}

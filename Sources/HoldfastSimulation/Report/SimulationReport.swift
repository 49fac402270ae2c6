/// The outcome of a run. As JSON it is the tool's documented output: its field names do not change.
package struct SimulationReport: Codable, Sendable {
    package var seed: UInt64
    package var instances: Int
    package var leaseMilliseconds: Int64
    package var faults: [Fault]
    package var strikes: [StrikeRecord]
    package var figures: Figures
    /// The totals of the effects in the ledger.
    package var totals: [String: Int64]
    package var checks: [Verdict]
    /// Whether every check holds.
    package var holds: Bool
    /// Where the ledger, the histories and the logs are kept; nil when they were removed.
    package var artifacts: String?

    package init(_ run: Observations, instances: Int, seconds: Double) {
        seed = run.plan.seed
        self.instances = instances
        leaseMilliseconds = run.leaseInNanoseconds / 1_000_000
        faults = run.plan.faults
        strikes = run.strikes
        figures = Figures(run, seconds: seconds)
        totals = run.ledger.totals
        checks = run.verdicts()
        holds = checks.allSatisfy(\.holds)
        artifacts = nil
    }

    /// The totals as lines of group, tab and number, in the order of the groups' bytes, like the output of
    /// `LC_ALL=C sort`.
    package var totalsTable: String {
        totals.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
            .map { "\($0.key)\t\($0.value)\n" }
            .joined()
    }
}

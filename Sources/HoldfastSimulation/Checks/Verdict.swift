/// What a checker found about one promise.
package struct Verdict: Codable, Hashable, Sendable {
    /// The promise's name, stable for programs that read the report.
    package var check: Check
    package var holds: Bool
    /// What was found, as a sentence for people.
    package var finding: String
    /// The first few things that break the promise.
    package var examples: [String]

    package enum Check: String, Codable, Hashable, Sendable, CaseIterable {
        case nothingLost = "nothing lost"
        case noDuplicateEffect = "no duplicate effect"
        case noPhantom = "no phantom effect"
        case redisCountsOnce = "Redis effects exactly once"
        case totalsAgree = "totals agree"
        case noTickTwice = "no tick twice"
        case fencesRise = "fences only rise"
        case nothingLeft = "nothing left in the queue"
        case cleanEndings = "instances end only when told"
        case faultsFelt = "faults were felt"
        case inTime = "done in time"
    }

    /// A promise holds exactly when nothing breaks it.
    init(_ check: Check, breaches: [String], holding: String, broken: String) {
        self.check = check
        holds = breaches.isEmpty
        finding = breaches.isEmpty ? holding : broken
        examples = Array(breaches.prefix(Self.exampleLimit))
    }

    private static let exampleLimit = 5
}

extension Observations {
    /// The verdict of every checker.
    package func verdicts() -> [Verdict] {
        EffectChecks.verdicts(self) + TickChecks.verdicts(self) + RunChecks.verdicts(self)
    }
}

extension Sequence<String> {
    func counted() -> [String: Int] {
        reduce(into: [:]) { counts, element in counts[element, default: 0] += 1 }
    }
}

import Foundation

/// One measured figure beside the limit, which was measured in turn with it.
struct Figure {
    let name: String
    let unit: String
    /// Our value and the limit's in each round.
    private(set) var rounds: [(value: Double, limit: Double)] = []

    init(_ name: String, unit: String) {
        self.name = name
        self.unit = unit
    }

    /// A figure of one round; without a limit if there is none to compare it with.
    static func print(_ name: String, _ value: Double, limit: Double? = nil, unit: String) {
        write(name, value: value, limit: limit, ratio: limit.map { value / $0 }, unit: unit)
    }

    /// A figure that could not be measured, and why.
    static func print(_ name: String, failure: any Error) {
        let reason = (try? JSONEncoder().encode("\(failure)")) ?? Data("null".utf8)
        FileHandle.standardOutput.write(
            Data("{\"figure\": \"\(name)\", \"failed\": ".utf8) + reason + Data("}\n".utf8))
    }

    mutating func add(value: Double, limit: Double) {
        rounds.append((value, limit))
    }

    /// Writes the median ratio of the rounds, with medians of both sides; nothing if there was no round.
    func print() {
        guard !rounds.isEmpty else { return }
        Self.write(
            name, value: Self.median(rounds.map(\.value)), limit: Self.median(rounds.map(\.limit)),
            ratio: Self.median(rounds.map { $0.value / $0.limit }), unit: unit)
    }

    private static func write(_ name: String, value: Double, limit: Double?, ratio: Double?, unit: String) {
        let json = """
            {"figure": "\(name)", "value": \(number(value)), "limit": \(number(limit)), \
            "ratio": \(number(ratio)), "unit": "\(unit)"}

            """
        FileHandle.standardOutput.write(Data(json.utf8))
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// The value that `share` of all do not exceed.
    static func percentile(_ share: Double, of values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
    }

    /// A number in JSON, which has no infinity, as a ratio to zero would be.
    private static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "null" }
        return "\((value * 1000).rounded() / 1000)"
    }
}

import Foundation

/// One measured figure beside the limit that was measured in turn with it.
struct Figure {
    let name: String
    let unit: String
    /// Of each round: our value, and the limit's.
    private(set) var rounds: [(value: Double, limit: Double)] = []

    init(_ name: String, unit: String) {
        self.name = name
        self.unit = unit
    }

    mutating func add(value: Double, limit: Double) {
        rounds.append((value, limit))
    }

    /// The median ratio of the rounds, with medians of both sides.
    var json: String {
        let value = Self.median(rounds.map(\.value))
        let limit = Self.median(rounds.map(\.limit))
        let ratio = Self.median(rounds.map { $0.value / $0.limit })
        return """
            {"figure": "\(name)", "value": \(Self.rounded(value)), "limit": \(Self.rounded(limit)), \
            "ratio": \(Self.rounded(ratio)), "unit": "\(unit)"}
            """
    }

    func print() {
        FileHandle.standardOutput.write(Data((json + "\n").utf8))
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    private static func rounded(_ value: Double) -> Double {
        (value * 1000).rounded() / 1000
    }
}

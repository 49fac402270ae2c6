package import RedisTestRig

/// The random draws of a plan. Those of the standard library do not promise the same numbers in its next
/// version; these do, for the same seed, on every machine.
extension SeededGenerator {
    /// A number from 0 up to, but not including, `bound`. The bias of the remainder is below 2⁻⁴⁰ for the
    /// bounds used here.
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "there is no number below \(bound)")
        return Int(next() % UInt64(bound))
    }

    /// A number in the range, without its upper end.
    package mutating func between(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + unit() * (range.upperBound - range.lowerBound)
    }

    /// The Fisher–Yates shuffle.
    package mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, below(last + 1))
        }
    }
}

import Testing

@testable import Holdfast

/// Effects that Redis would refuse, after the key that they need was prepared.
struct RefusedEffects: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let record: @Sendable (inout Effects) -> Void

    static let all = [
        RefusedEffects(testDescription: "counting in a word") { $0.increment("word") },
        RefusedEffects(testDescription: "counting in a number with zeros in front") { $0.increment("zeros") },
        RefusedEffects(testDescription: "a sum that is too large") { $0.increment("max") },
        RefusedEffects(testDescription: "two sums that are too large together") {
            $0.increment("n", by: 5_000_000_000_000_000_000)
            $0.increment("n", by: 5_000_000_000_000_000_000)
        },
        RefusedEffects(testDescription: "counting in a field that is a word") {
            $0.increment(field: "word", inHash: "hash")
        },
        RefusedEffects(testDescription: "a sum in a field that is too large") {
            $0.increment(field: "max", inHash: "hash")
        },
        RefusedEffects(testDescription: "counting in a field set to a word before") {
            $0.set(field: "new", inHash: "hash", to: "x")
            $0.increment(field: "new", inHash: "hash")
        },
        RefusedEffects(testDescription: "a hash that is a set") {
            $0.set(field: "f", inHash: "set", to: "v")
        },
        RefusedEffects(testDescription: "a set that is a string") { $0.add("m", toSet: "word") },
        RefusedEffects(testDescription: "a list that is a hash") { $0.append("v", toList: "hash") },
        RefusedEffects(testDescription: "counting in a set") { $0.increment("set") },
        RefusedEffects(testDescription: "two kinds for one new key") {
            $0.increment("new")
            $0.append("v", toList: "new")
        },
        RefusedEffects(testDescription: "counting in a string set to a word before") {
            $0.set("new", to: "word")
            $0.increment("new")
        },
    ]
}

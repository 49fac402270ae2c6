package import JSONLines
internal import RedisLink

/// What one message adds to which total.
package struct Share: Codable, Hashable, Sendable {
    package var group: String
    package var amount: Int64

    package init(group: String, amount: Int64) {
        self.group = group
        self.amount = amount
    }

    package static func totals(_ shares: some Sequence<Share>) -> [String: Int64] {
        shares.reduce(into: [:]) { totals, share in totals[share.group, default: 0] += share.amount }
    }
}

/// How a message's share is read from its fields.
///
/// The totals are the part of a run that anybody can recompute from the same file with other tools.
package struct TotalsRule: Codable, Hashable, Sendable {
    /// The group of all messages when no field names one.
    package static let everything = "all"

    /// The field that names the group; nil puts all messages into one.
    package var by: String?
    /// The field that holds the amount, a whole number; nil counts messages.
    package var of: String?

    package init(by: String? = nil, of: String? = nil) {
        self.by = by
        self.of = of
    }

    package func share(of body: JSONValue, line: Int? = nil) throws(InputError) -> Share {
        Share(group: try group(of: body, line: line), amount: try amount(of: body, line: line))
    }

    private func group(of body: JSONValue, line: Int?) throws(InputError) -> String {
        guard let by else { return Self.everything }
        guard let group = body[by]?.name else {
            throw InputError(line: line, field: by, is: body[by], expected: "text or whole number")
        }
        return group
    }

    private func amount(of body: JSONValue, line: Int?) throws(InputError) -> Int64 {
        guard let of else { return 1 }
        guard let amount = body[of]?.wholeNumber else {
            throw InputError(line: line, field: of, is: body[of], expected: "whole number")
        }
        guard Self.amounts.contains(amount) else {
            throw InputError(
                line: line,
                reason: "the amount in the field \(TerminalText.quoted(of)) is too large: amounts go from "
                    + "\(Self.amounts.lowerBound) to \(Self.amounts.upperBound)")
        }
        return amount
    }

    /// Sums of these stay far below the limits of Redis and SQLite.
    private static let amounts: ClosedRange<Int64> = -(1 << 40)...(1 << 40)
}

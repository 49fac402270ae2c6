/// One field of a cron expression: the values it names.
struct CronField: Hashable, Sendable {
    struct Kind: Sendable {
        let name: String
        let range: ClosedRange<Int>
        var names: [String] = []
        /// A second way to write the lowest value: 7 is Sunday.
        var alias: Int?

        static let second = Kind(name: "second", range: 0...59)
        static let minute = Kind(name: "minute", range: 0...59)
        static let hour = Kind(name: "hour", range: 0...23)
        static let dayOfMonth = Kind(name: "day of the month", range: 1...31)
        static let month = Kind(
            name: "month", range: 1...12,
            names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
        static let weekday = Kind(
            name: "weekday", range: 0...6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"], alias: 7)
    }

    /// Bit n is set if n is named.
    let values: UInt64
    /// Whether it begins with `*` or `?`: then it does not restrict the days, see ``CronExpression``.
    let isOpen: Bool

    private init(values: UInt64, isOpen: Bool) {
        self.values = values
        self.isOpen = isOpen
    }

    static func only(_ value: Int) -> CronField { CronField(values: 1 << value, isOpen: false) }

    /// Reads a list of values, names, ranges and steps: `5`, `mon-fri`, `*/15`, `8-18/2`, `fri-mon`, `1,15`.
    init(_ text: Substring, _ kind: Kind) throws(CronError) {
        var values: UInt64 = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            values |= try Self.part(part, kind)
        }
        self.init(values: values, isOpen: text.first == "*" || text.first == "?")
    }

    func contains(_ value: Int) -> Bool { values >> value & 1 == 1 }

    /// The first named value that is not below `value`.
    func first(notBelow value: Int) -> Int? {
        guard value < 64 else { return nil }
        let rest = values >> value
        return rest == 0 ? nil : value + rest.trailingZeroBitCount
    }

    private static func part(_ text: Substring, _ kind: Kind) throws(CronError) -> UInt64 {
        let pieces = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let ends = pieces[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        var step: Int?
        if pieces.count > 1 {
            guard let number = number(pieces[1]), number >= 1, number <= kind.range.count else {
                throw CronError(
                    "\(text): a step of the \(kind.name) is a number from 1 to \(kind.range.count)")
            }
            step = number
        }
        let first: Int
        let last: Int
        if pieces[0] == "*" || (pieces[0] == "?" && step == nil) {
            (first, last) = (kind.range.lowerBound, kind.range.upperBound)
        } else {
            first = try value(ends[0], kind)
            if ends.count > 1 {
                last = try value(ends[1], kind)
            } else {
                last = step == nil ? first : kind.range.upperBound
            }
        }
        // A range whose end lies before its beginning goes on from the lowest value: fri-mon. The alias of the lowest
        // value is the end of a range, and not its beginning: 0-7 is every day.
        let lowest = kind.range.lowerBound
        let count = kind.range.count
        let length = last < first ? (last - first + count) % count : last - first
        var values: UInt64 = 0
        for offset in stride(from: 0, through: length, by: step ?? 1) {
            values |= 1 << (lowest + (first - lowest + offset) % count)
        }
        return values
    }

    /// In the range of the kind, or its alias.
    private static func value(_ text: Substring, _ kind: Kind) throws(CronError) -> Int {
        if let index = kind.names.firstIndex(of: text.lowercased()) { return kind.range.lowerBound + index }
        guard let number = number(text) else { throw CronError("\"\(text)\" is not a \(kind.name)") }
        guard kind.range.contains(number) || number == kind.alias else {
            let most = kind.alias ?? kind.range.upperBound
            throw CronError(
                "\(kind.name == "hour" ? "an" : "a") \(kind.name) is from \(kind.range.lowerBound) to \(most), not \(text)"
            )
        }
        return number
    }

    private static func number(_ text: Substring) -> Int? {
        guard 1...2 ~= text.utf8.count, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }
}

/// Why a text is no cron expression.
struct CronError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

import RedisLink

/// The range of one setting. A value outside it is refused; the error names the setting, the value and the
/// range.
package struct Setting<Value: Comparable & Sendable>: Sendable {
    private let name: String
    private let least: Value
    /// Nil where there is no upper end.
    private let most: Value?

    package init(_ name: String, from least: Value, to most: Value? = nil) {
        self.name = name
        self.least = least
        self.most = most
    }

    package func check(_ value: Value) throws(HoldfastError) {
        guard value < least || most.map({ value > $0 }) ?? false else { return }
        let range = most.map { "from \(text(least)) to \(text($0))" } ?? "at least \(text(least))"
        throw HoldfastError(.invalidArgument, "\(name) must be \(range), not \(text(value))")
    }

    private func text(_ value: Value) -> String { (value as? Duration)?.shortText ?? "\(value)" }
}

extension Setting where Value == Duration {
    /// The one rule for every duration that the API takes. A duration outside its range is refused. Where
    /// there is no upper bound, anything longer than ``Swift/Duration/endless`` counts as that, so
    /// `.seconds(.max)` means "no limit" and no deadline overflows.
    package func callAsFunction(_ value: Duration) throws(HoldfastError) -> Duration {
        try check(value)
        return min(value, .endless)
    }

    package func callAsFunction(_ value: Duration?) throws(HoldfastError) -> Duration? {
        guard let value else { return nil }
        return try self(value)
    }
}

extension Duration {
    /// A hundred years: longer than anything lasts, and small enough for instants, Redis and Lua.
    package static let endless: Duration = .seconds(36_525 * 86_400)

    /// Clamped to zero through ``endless``: for a delay, where an instant in the past means at once.
    package var asDelay: Duration { min(max(self, .zero), .endless) }

    /// `100ms`, `24h`; a duration that is not a whole number of milliseconds is shown as Swift shows it.
    package var shortText: String {
        let milliseconds = wholeMilliseconds
        guard .milliseconds(milliseconds) == self else { return description }
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
        where milliseconds.isMultiple(of: size) {
            return "\(milliseconds / size)\(milliseconds == 0 ? "s" : unit)"
        }
        return "\(milliseconds)ms"
    }
}

/// The settings that are checked in more than one place, or whose names need care.
package enum Settings {
    /// A shorter lease could not be renewed in time over any real network.
    package static let lease = Setting<Duration>("lease", from: .milliseconds(100), to: .seconds(86_400))
    static let commandTimeout = Setting<Duration>("commandTimeout", from: .milliseconds(1))
    static let stopDeadline = Setting<Duration>("stopDeadline", from: .milliseconds(1))
    package static let waitingAtMost = Setting<Duration>("waitingAtMost", from: .zero)
    static let lockDelay = Setting<Duration>("lockDelay", from: .zero, to: .seconds(60))
    static let retention = Setting<Duration>("retention", from: .milliseconds(1))
    static let lifetime = Setting<Duration>("lifetime", from: .milliseconds(1))
    static let window = Setting<Duration>("the window of a uniqueness key", from: .milliseconds(1))
    static let horizon = Setting<Duration>("the horizon of an origin", from: .milliseconds(1))
    static let maximumRun = Setting<Duration>("maximumRun", from: .milliseconds(1))
    /// A tick takes some time to reach its instance: with less, whether it runs would be a matter of luck.
    static let tolerance = Setting<Duration>("the tolerance of missed ticks", from: .milliseconds(100))
}

import RedisLink

/// A cursor or a nominal instant, as Redis keeps it: `<ms since 1970>`, and `~<era>` after it from the second era on.
///
/// Within an era the nominal instants of a worker's ticks rise. Whatever turns its cursor back begins a new era: so an
/// instant that comes again is another one.
struct TickInstant: Hashable, Sendable {
    /// What a cursor may be: not more than Lua has exactly, and below zero as far as a delay may reach back.
    static let range = -Duration.endless.wholeMilliseconds...ServerClock.range.upperBound

    var milliseconds: Int64
    /// How often the cursor had been turned back before.
    var era: Int64 = 0

    /// As in ``Tick/id``.
    func tickID(of worker: String, isTriggered: Bool) -> String {
        "\(worker)@\(self)\(isTriggered ? "!" : "")"
    }
}

extension TickInstant: LosslessStringConvertible {
    init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false)
        guard parts.count <= 2, let milliseconds = Int64(String(parts[0]) ?? ""),
            Self.range.contains(milliseconds)
        else { return nil }
        self.milliseconds = milliseconds
        guard parts.count == 2 else { return }
        guard let era = Int64(String(parts[1]) ?? ""), 1...Int64(Int32.max) ~= era else { return nil }
        self.era = era
    }

    var description: String { era == 0 ? "\(milliseconds)" : "\(milliseconds)~\(era)" }
}

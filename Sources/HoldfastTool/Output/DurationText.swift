internal import RedisLink

/// Durations as people write and read them.
enum DurationText {
    /// For the help of an option: it is also shown in the error for a duration that can't be read.
    static let examples = "such as 500ms, 1.5s, 2m or 1h"

    /// A number with a unit: `500ms`, `10s`, `1.5s`, `2m`, `1h`. Nil for anything else.
    static func parse(_ text: String) -> Duration? {
        guard let match = text.wholeMatch(of: /([0-9]{1,9})(?:\.([0-9]{1,3}))?(ms|s|m|h)/) else { return nil }
        let unit: Duration
        switch match.output.3 {
        case "ms": unit = .milliseconds(1)
        case "s": unit = .seconds(1)
        case "m": unit = .seconds(60)
        default: unit = .seconds(3600)
        }
        let whole = Int(match.output.1) ?? 0
        let fraction = match.output.2.map { ($0 + "00").prefix(3) }.flatMap { Int($0) } ?? 0
        return unit * whole + unit * fraction / 1000
    }

    /// As ``parse(_:)`` reads it.
    static func exact(_ duration: Duration) -> String {
        let milliseconds = duration.wholeMilliseconds
        for (unit, length) in [("h", 3_600_000 as Int64), ("m", 60_000), ("s", 1000)]
        where milliseconds % length == 0 {
            return "\(milliseconds / length)\(unit)"
        }
        return "\(milliseconds)ms"
    }

    /// As the library writes a duration: `85ms`, `8.2s`, `2m 03s`, `3h 07m`, `4d 02h`.
    static func short(_ duration: Duration) -> String { duration.text }
}

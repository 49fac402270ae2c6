extension Duration {
    /// For people to read, as short as it can be without hiding the order of magnitude: `85ms`, `8.2s`, `2m
    /// 03s`, `3h 07m`, `4d 02h`.
    package var text: String {
        let parts = components
        let milliseconds = max(0, parts.attoseconds / 1_000_000_000_000_000)
        let seconds = max(0, parts.seconds)
        func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        switch seconds {
        case 0: return "\(milliseconds)ms"
        case ..<60: return milliseconds < 100 ? "\(seconds)s" : "\(seconds).\(milliseconds / 100)s"
        case ..<3600: return "\(seconds / 60)m \(twoDigits(seconds % 60))s"
        case ..<86_400: return "\(seconds / 3600)h \(twoDigits(seconds % 3600 / 60))m"
        default: return "\(seconds / 86_400)d \(twoDigits(seconds % 86_400 / 3600))h"
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero. At most 2⁵³, which Lua represents exactly and no clock will
    /// reach.
    package var wholeMilliseconds: Int64 {
        let most: Int64 = 1 << 53
        let (seconds, attoseconds) = components
        guard seconds.magnitude < most / 1000 else { return seconds < 0 ? -most : most }
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

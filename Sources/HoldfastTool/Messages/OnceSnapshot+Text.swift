internal import HoldfastInspection
internal import RedisLink

extension OnceSnapshot {
    /// In words, as one or two lines.
    var text: String {
        let name = TerminalText.escaped("\(scope)/\(id)")
        let time = forMilliseconds.map { DurationText.short(.milliseconds($0)) }
        switch state {
        case "free": return "\(name) has not been done, or has been forgotten\n"
        case "done":
            let memory = time.map { "remembered for \($0)" } ?? "remembered forever"
            let told =
                result.map { "result  \(TerminalText.escaped($0))" } ?? "its result could not be recorded"
            return "\(name) is done, \(memory)\n\(told)\n"
        default:
            let place =
                host.map { TerminalText.escaped("\($0), pid \(pid ?? 0)") } ?? instance
                ?? "a client of another kind"
            let end =
                time.map { "the claim ends in \($0), unless it is renewed" }
                ?? "the claim does not end by itself"
            return "\(name) is being done by \(place); \(end)\n"
        }
    }
}

internal import HoldfastInspection
internal import RedisLink

extension MessageSnapshot {
    private var stateText: String {
        let time = forMilliseconds.map { DurationText.short(.milliseconds($0)) } ?? ""
        switch state {
        case "ready": return "waits for its first attempt"
        case "blocked": return "waits for those before it with the same key"
        case "waiting" where attempts == 0: return "waits for its time, in \(time)"
        case "waiting": return "waits for another attempt, in \(time)"
        case "claimed":
            return
                "being handled\(handlerText), attempt \(attempts ?? 0); the claim ends in \(time), unless it is renewed"
        case "dead": return "dead-lettered after \((attempts ?? 0).counted("attempt"))"
        default: return "done; its id is remembered for \(time)"
        }
    }

    private var handlerText: String {
        if let host, let pid { return " by \(host), pid \(pid)" }
        return instance.map { " by the instance \($0), which is not registered" } ?? ""
    }

    /// One line for each known fact.
    var text: String {
        var lines = [("queue", queue), ("id", id), ("state", stateText)]
        for (name, value) in [
            ("reason", reason), ("letter", letter), ("entry", entry), ("type", type), ("body", body),
        ] {
            if let value { lines.append((name, value)) }
        }
        return lines.map { name, value in
            "\(name)\(String(repeating: " ", count: 8 - name.count))\(TerminalText.escaped(value))\n"
        }.joined()
    }
}

extension RedisScript {
    /// The commands that the script calls in `line`, in capitals; when no line is known, those that it calls
    /// by `pcall`, because only their errors come without one.
    func commands(calledIn line: Int?) -> [String] {
        guard let line else { return Self.commands(in: source[...], calledBy: "pcall('") }
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(line - 1) else { return [] }
        return Self.commands(in: lines[line - 1], calledBy: "call('")
    }

    private static func commands(in text: Substring, calledBy call: String) -> [String] {
        var commands: [String] = []
        for range in text.ranges(of: call) {
            let arguments = text[range.upperBound...].split(separator: "'", omittingEmptySubsequences: false)
            var name = (arguments.first ?? "").uppercased()
            // The only one of our commands whose subcommands have permissions of their own.
            if name == "XGROUP", arguments.count > 2 { name += "|\(arguments[2])" }
            if !commands.contains(name) { commands.append(name) }
        }
        return commands
    }
}

extension RedisError {
    /// The same error for a call of `script`. Redis before 7.2 does not say which command or key of a script
    /// was forbidden, only on which line.
    package func naming(_ script: RedisScript, keys: [String]) -> RedisError {
        guard var permission, permission.names.isEmpty else { return self }
        switch permission.kind {
        case .command: permission.names = script.commands(calledIn: ErrorReply(message).scriptLine)
        case .key: permission.names = keys
        case .channel, .database: break
        }
        var error = self
        error.permission = permission
        return error
    }
}

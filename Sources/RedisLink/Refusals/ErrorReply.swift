/// What an error reply of the server means: its kind, what is done about it, and which permission it says is
/// missing.
///
/// A value. Scripts disguise the errors of their commands, each server in its own way, and this undoes it:
///
///     Redis 6.2         ERR Error running script (call to f_<sha>): @user_script:3: WRONGTYPE Operation …
///     Redis 7, Valkey   WRONGTYPE Operation … script: <sha>, on @user_script:3.
package struct ErrorReply: Sendable, Hashable {
    /// What the link does about an error reply.
    package struct Rule: Sendable, Hashable {
        /// The command was not executed, and the reason will pass by itself: the link sends it again until
        /// its deadline.
        package var isRepeated = false
        /// The server at the other end is not the one to ask, or does not serve this connection: once every
        /// reply that is owed has arrived, the link reconnects, with name resolution.
        package var needsNewConnection = false

        package static let refuse = Rule()
        package static let `repeat` = Rule(isRepeated: true)
        package static let reconnect = Rule(needsNewConnection: true)
        package static let repeatElsewhere = Rule(isRepeated: true, needsNewConnection: true)
    }

    /// What the server sent, word for word.
    package let text: String
    /// The first word, for example `NOSCRIPT`, `WRONGTYPE` or `OOM`; that of the command's own error if a
    /// script called the command.
    package let kind: String
    /// The line of the script that called the command; nil when no script did, or the server does not say.
    package let scriptLine: Int?
    /// The missing permission, if the server says that one is missing.
    package let denied: Permission?
    package let rule: Rule

    package init(_ text: String) {
        self.text = text
        // What is looked for is in the text of a real server, which is short.
        let known = text.utf8.count <= 8192 ? text : String(decoding: text.utf8.prefix(8192), as: UTF8.self)
        let script = ScriptPosition(in: known)
        let message = script?.message ?? known[...]
        kind = String(message.prefix { $0 != " " })
        scriptLine = script?.line
        denied = Permission(deniedBy: message, kind: kind)
        // A script may have written before one of its commands failed: it is never run again for that.
        rule = script == nil ? Self.rule(of: kind, message) : Self.rule(insideScript: kind)
    }

    private static func rule(of kind: String, _ message: Substring) -> Rule {
        switch kind {
        // Not executed, and over in a while: data is loading, a script is running, a slot moves or has no
        // server.
        case "LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN": .repeat
        // A replica without its master: the master comes back, or another server takes over the name.
        case "MASTERDOWN": .repeatElsewhere
        // A server that used to be the master, behind the same name.
        case "READONLY": .reconnect
        // Nothing is served on this connection.
        case "NOAUTH": .reconnect
        case "ERR" where message.hasPrefix("ERR max number of clients"): .reconnect
        default: .refuse
        }
    }

    private static func rule(insideScript kind: String) -> Rule {
        kind == "READONLY" ? .reconnect : .refuse
    }
}

/// Where in a script an error arose, and what it was.
private struct ScriptPosition {
    var line: Int?
    var message: Substring

    private static let mark = "@user_script:"

    /// Nil when `text` does not come from inside a script.
    init?(in text: String) {
        guard let mark = text.firstRange(of: Self.mark) else { return nil }
        let rest = text[mark.upperBound...]
        // The last one: "ACL failure in script: …" is an error's own text.
        if let end = text[..<mark.lowerBound].ranges(of: " script: ").last {
            line = Int(rest.prefix { $0.isNumber })
            message = text[..<end.lowerBound]
        } else {
            // The mark may occur twice: Lua's own position and the one Redis adds.
            (line, message) = (Self.number(rest).line, Self.number(rest).rest)
            while message.hasPrefix(Self.mark) {
                message = Self.number(message.dropFirst(Self.mark.count)).rest
            }
            if message.first == "-" { message = message.dropFirst() }
        }
    }

    /// Reads "12: rest" or " 12: rest".
    private static func number(_ text: Substring) -> (line: Int?, rest: Substring) {
        let trimmed = text.drop { $0 == " " }
        let digits = trimmed.prefix { $0.isNumber }
        return (Int(digits), trimmed.dropFirst(digits.count).drop { $0 == ":" || $0 == " " })
    }
}

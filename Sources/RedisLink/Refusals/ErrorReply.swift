/// What an error reply of the server means: what kind it is, what is done about it, which permission it says
/// is missing.
///
/// A value. Scripts disguise the errors of their commands, each server in its own way, and this undoes it:
///
///     Redis 6.2         ERR Error running script (call to f_<sha>): @user_script:3: WRONGTYPE Operation …
///     Redis 7, Valkey   WRONGTYPE Operation … script: <sha>, on @user_script:3.
package struct ErrorReply: Sendable, Hashable {
    /// What the link does about an error reply.
    package struct Rule: Sendable, Hashable {
        /// The command was not executed, and the reason passes by itself: the link sends it again until its
        /// deadline.
        package var isRepeated = false
        /// The server at the other end is not the one to ask, or does not serve this connection: once every
        /// reply that is owed has come, the connection is made anew, with name resolution.
        package var needsNewConnection = false

        package static let refuse = Rule()
        package static let `repeat` = Rule(isRepeated: true)
        package static let reconnect = Rule(needsNewConnection: true)
        package static let repeatElsewhere = Rule(isRepeated: true, needsNewConnection: true)
    }

    /// What the server sent, word for word.
    package let text: String
    /// The first word, for example `NOSCRIPT`, `WRONGTYPE` or `OOM`; of the command's error if it came out of
    /// a script.
    package let kind: String
    /// The line of the script that called the command; nil when it was no script's command, or not said.
    package let scriptLine: Int?
    /// Which permission is missing, with the server's word that one is.
    package let denied: Permission?
    package let rule: Rule

    package init(_ text: String) {
        self.text = text
        // What is looked for stands in the text of a real server, which is short.
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
        // Not executed, and over in a while: data is loaded, a script runs, a slot moves or has no server.
        case "LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN": .repeat
        // A replica without its master: that comes back, or another server takes the name over.
        case "MASTERDOWN": .repeatElsewhere
        // A server that was the master, behind the same name.
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
            // The mark may stand twice: Lua's own position and the one Redis adds.
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

/// A permission of an ACL user, as the server's refusal names it.
package struct Permission: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case command, key, channel, database
    }

    package var kind: Kind
    /// The command, key or channel; several when it is one of them, none when it is not known.
    package var names: [String]

    package init(_ kind: Kind, _ names: String...) {
        self.kind = kind
        self.names = names
    }

    /// The permission that is missing according to an error reply; nil when the error has another reason.
    ///
    /// The wordings are those of Redis 6.2 to 7.4 and Valkey 7.2 to 9, inside and outside of scripts.
    init?(deniedBy message: Substring, kind: String) {
        let isDenial =
            kind == "NOPERM" || message.contains("ACL failure in script")
            || message.contains("The user executing the script ")
        guard isDenial else { return nil }
        if let name = message.quoted(after: "permissions to run the '", before: "' command") {
            self.init(.command, name)
        } else if let name = message.quoted(after: "permissions to access the '", before: "' key") {
            self.init(.key, name)
        } else if let name = message.quoted(after: "permissions to access the '", before: "' channel") {
            self.init(.channel, name)
        } else if message.contains("access database") {
            self.init(.database)
        } else if message.contains(" channel") {
            self.init(.channel)
        } else if message.contains(" key") {
            self.init(.key)
        } else {
            self.init(.command)
        }
    }

    /// The rule an administrator grants with `ACL SETUSER`; nil when it is not known.
    package var rule: String? {
        guard !names.isEmpty else { return nil }
        var rules: [String] = []
        for name in names {
            let rule =
                switch kind {
                case .command: "+\(name.lowercased())"
                case .key: "~\(Self.pattern(name))"
                case .channel: "&\(Self.pattern(name))"
                case .database: name
                }
            if !rules.contains(rule) { rules.append(rule) }
        }
        return rules.joined(separator: " or ")
    }
}

extension Permission {
    /// All keys of the same namespace: a user is granted a namespace, `<namespace>:{<name>}:<part>`, not one
    /// name.
    private static func pattern(_ name: String) -> String {
        name.firstRange(of: ":{").map { "\(name[..<$0.lowerBound]):*" } ?? name
    }
}

extension Permission: CustomStringConvertible {
    package var description: String {
        let name =
            names.isEmpty ? ", which the server does not name" : " \(names.joined(separator: " or "))"
        switch kind {
        case .command: return "to run the command\(name)"
        case .key: return "to access the key\(name)"
        case .channel: return "to use the channel\(name)"
        case .database: return "to use the database"
        }
    }
}

extension Substring {
    /// The text between the first `start` and the last `end`, so that a quote inside does not end it.
    fileprivate func quoted(after start: String, before end: String) -> String? {
        guard let start = firstRange(of: start), let end = ranges(of: end).last,
            start.upperBound <= end.lowerBound
        else { return nil }
        return String(self[start.upperBound..<end.lowerBound])
    }
}

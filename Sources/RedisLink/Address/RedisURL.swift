/// The parts of a Redis URL.
///
/// Written by hand because a URL here may hold a password: no general parser's error may repeat it.
struct RedisURL {
    var endpoint = RedisConfiguration.Endpoint.tcp(host: "127.0.0.1", port: 6379)
    var user: String?
    var password: String?
    var database = 0
    var tls: TLSConfiguration?

    private static let forms =
        "redis[s]://[user:password@]host[:port][/database] or redis+unix:///path[?db=number]"

    init(_ url: String) throws(RedisError) {
        guard let schemeEnd = url.firstRange(of: "://") else {
            throw Self.invalid("the Redis URL has no scheme; expected \(Self.forms)")
        }
        let scheme = url[..<schemeEnd.lowerBound].lowercased()
        var rest = url[schemeEnd.upperBound...]

        // The last "@" before the path ends the user info: a password may hold an unencoded "@".
        let authorityEnd = rest.firstIndex(of: "/") ?? rest.endIndex
        if let at = rest[..<authorityEnd].lastIndex(of: "@") {
            try readCredentials(rest[..<at])
            rest = rest[rest.index(after: at)...]
        } else if Self.endsInsidePassword(rest, at: authorityEnd, scheme) {
            throw Self.invalid(
                "the Redis URL has an @ after a slash: in a user or a password, write / as %2F and @ as %40")
        }
        switch scheme {
        case "redis": try readHost(rest)
        case "rediss":
            let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            try readHost(parts[0])
            try readTLS(parts.count == 2 ? parts[1] : "")
        case "redis+unix", "unix": try readPath(rest)
        case "redis-sentinel", "redis-cluster":
            throw Self.invalid("the scheme \(scheme):// is not supported; expected \(Self.forms)")
        default:
            throw Self.invalid("the Redis URL has an unknown scheme; expected \(Self.forms)")
        }
    }

    /// Whether the text before the first slash is the beginning of a password that contains the slash: a host
    /// and a port have no @ after them, since a path is a number. Files in a query, and sockets, may have
    /// one.
    private static func endsInsidePassword(
        _ rest: Substring, at slash: Substring.Index, _ scheme: String
    ) -> Bool {
        let (authority, path) = (rest[..<slash], rest[slash...])
        guard path.contains("@") else { return false }
        switch scheme {
        case "redis": return true
        case "rediss": return path.prefix { $0 != "?" }.contains("@") || !endsInPort(authority)
        // A socket's path begins at once.
        default: return !authority.isEmpty
        }
    }

    /// Whether a colon after the host, if there is one, is followed by digits only.
    private static func endsInPort(_ authority: Substring) -> Bool {
        let host = authority.prefix { $0 != "]" }
        let tail = host.endIndex == authority.endIndex ? authority : authority[host.endIndex...]
        guard let colon = tail.firstIndex(of: ":") else { return true }
        return tail[tail.index(after: colon)...].utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0
        }
    }

    private static func invalid(_ message: String) -> RedisError {
        RedisError(.invalidConfiguration, delivery: .notDelivered, message)
    }

    private mutating func readCredentials(_ text: Substring) throws(RedisError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let user = try Self.decode(parts[0], "user")
        self.user = user.isEmpty ? nil : user
        if parts.count == 2 {
            let password = try Self.decode(parts[1], "password")
            guard !password.isEmpty || !user.isEmpty else {
                throw Self.invalid(
                    "the Redis URL has an empty password: is the variable that it comes from set? "
                        + "Without a password, leave out the :@")
            }
            self.password = password
        } else if !user.isEmpty {
            // Other clients read it as a user or as a password. We would be the server's default user.
            throw Self.invalid(
                "the Redis URL has a user without a password: write user:password@, or :password@")
        }
    }

    private mutating func readHost(_ text: Substring) throws(RedisError) {
        let path = text.firstIndex(of: "/").map { text[text.index(after: $0)...] } ?? ""
        let authority = text[..<(text.firstIndex(of: "/") ?? text.endIndex)]
        guard !authority.contains("?"), !path.contains("?") else {
            throw Self.invalid(
                "the Redis URL has a query; the parameters of TLS need rediss://, and a database is a path: redis://host:port/2"
            )
        }
        var host = authority
        var port = 6379
        if authority.first == "[" {
            guard let bracket = authority.firstIndex(of: "]") else {
                throw Self.invalid("the Redis URL has an IPv6 address without its closing bracket")
            }
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            let tail = authority[authority.index(after: bracket)...]
            guard tail.isEmpty || tail.first == ":" else {
                throw Self.invalid("the Redis URL has text between the IPv6 address and the port")
            }
            port = try tail.isEmpty ? port : Self.port(tail.dropFirst())
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = try Self.port(authority[authority.index(after: colon)...])
        }
        endpoint = .tcp(host: host.isEmpty ? "127.0.0.1" : String(host), port: port)
        if !path.isEmpty { database = try Self.databaseNumber(path) }
    }

    private mutating func readPath(_ text: Substring) throws(RedisError) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = try Self.decode(parts[0], "path")
        guard path.hasPrefix("/") else {
            throw Self.invalid("a redis+unix URL needs an absolute path: redis+unix:///run/redis.sock")
        }
        endpoint = .unix(path: path)
        guard parts.count == 2, !parts[1].isEmpty else { return }
        for item in parts[1].split(separator: "&") {
            guard item.hasPrefix("db=") else {
                throw Self.invalid("the only parameter of a redis+unix URL is db=<number>")
            }
            database = try Self.databaseNumber(item.dropFirst(3))
        }
    }

    private mutating func readTLS(_ query: Substring) throws(RedisError) {
        var tls = TLSConfiguration()
        for item in query.split(separator: "&") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = try Self.decode(parts.count == 2 ? parts[1] : "", "query")
            guard !value.isEmpty, !value.utf8.contains(0) else {
                throw Self.invalid("a parameter of the rediss URL has no value")
            }
            switch parts[0] {
            case "ca": tls.authorityFile = value
            case "cert": tls.certificateFile = value
            case "key": tls.keyFile = value
            case "server-name": tls.serverName = value
            default: throw Self.invalid("the parameters of a rediss URL are ca, cert, key and server-name")
            }
        }
        guard tls.keyFile == nil || tls.certificateFile != nil else {
            throw Self.invalid("the rediss URL has a key and no cert: name the certificate it belongs to")
        }
        self.tls = tls
    }

    private static func port(_ text: Substring) throws(RedisError) -> Int {
        guard text.first != "+", let port = Int(text), (1...65535).contains(port) else {
            throw invalid("the Redis URL's port is not a number from 1 to 65535")
        }
        return port
    }

    private static func databaseNumber(_ text: Substring) throws(RedisError) -> Int {
        guard text.first != "+", let number = Int(text), number >= 0 else {
            throw invalid("the Redis URL's database is not a number from 0 on")
        }
        return number
    }

    private static func decode(_ text: Substring, _ part: String) throws(RedisError) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard rest.count >= 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16)
            else {
                throw invalid(
                    "the Redis URL's \(part) has a % that is not followed by two hexadecimal digits")
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw invalid("the Redis URL's \(part) is not UTF-8")
        }
        return decoded
    }
}

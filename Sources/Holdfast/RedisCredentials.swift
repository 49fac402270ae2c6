package import RedisLink

/// The user and the password of a Redis server.
///
/// It shows its password in no description, dump or mirror, and is not `Codable`, so that it gets into no log
/// by mistake.
public struct RedisCredentials: Sendable {
    /// The ACL user; the server's default user unless set.
    public let user: String?
    private let password: Secret

    /// The user is Redis' `default` unless set.
    public init(user: String? = nil, password: String) {
        self.user = user
        self.password = Secret(password)
    }

    package var forLink: Credentials { Credentials(user: user, password: password) }
}

extension RedisCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The user, without the password.
    public var description: String { "RedisCredentials(user: \(user ?? "default"))" }
    /// The user, without the password.
    public var debugDescription: String { description }
    /// The user, without the password.
    public var customMirror: Mirror { Mirror(self, children: ["user": user as Any]) }
}

package import RedisLink

/// The user and the password of a Redis server.
///
/// Its password appears in no description, dump or mirror, and it is not `Codable`, so that the password is
/// not logged by mistake.
public struct RedisCredentials: Sendable {
    /// The ACL user; nil for the server's default user.
    public let user: String?
    private let password: Secret

    /// Credentials of `user`, which defaults to Redis' user `default`.
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

/// The user a connection authenticates as.
package struct Credentials: Sendable, Hashable {
    /// The ACL user. Defaults to the server's default user.
    package var user: String?
    package var password: Secret

    package init(user: String? = nil, password: Secret) {
        self.user = user
        self.password = password
    }

    var command: [RedisArgument] {
        ["AUTH"] + (user.map { [.string($0)] } ?? []) + [.string(password.value)]
    }
}

/// Where a connection's credentials come from.
package enum CredentialsSource: Sendable {
    /// There are none: the server treats every client as its default user.
    case none
    /// The same for every connection.
    case fixed(Credentials)
    /// Asked again for each connection, so that a rotated password is picked up. Bounded by the connect
    /// timeout.
    case asked(@Sendable () async throws -> Credentials)
}

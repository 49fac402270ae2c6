/// Where a Redis server is, who we are there, and how long we wait.
package struct RedisConfiguration: Sendable {
    package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
        case tcp(host: String, port: Int)
        case unix(path: String)

        package var description: String {
            switch self {
            case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            case .unix(let path): path
            }
        }

        /// The name the server's certificate must carry, unless the configuration sets another; a path has
        /// none.
        var host: String {
            switch self {
            case .tcp(let host, _): host
            case .unix: ""
            }
        }
    }

    package var endpoint: Endpoint
    package var credentials: CredentialsSource
    package var database: Int
    /// How the connection is encrypted; nil for plain text.
    package var tls: TLSConfiguration?
    /// The name shown by `CLIENT LIST`.
    package var clientName: String?
    /// The format the data must have; nil if it does not matter.
    package var format: DataFormat?
    /// How long a command may take, from the call to the reply. It includes waiting for a connection.
    package var commandTimeout: Duration = .seconds(5)
    /// How long one attempt to connect and to authenticate may take.
    package var connectTimeout: Duration = .seconds(5)
    /// Name resolution; tests replace it. Blocks.
    var resolve: @Sendable (_ host: String, _ port: Int) throws(RedisError) -> [SocketAddress] = {
        (host, port) throws(RedisError) in try SocketAddress.resolve(host: host, port: port)
    }
    /// The largest reply that is read before the connection is given up.
    package var maximumReplyBytes = 64 << 20

    package init(
        endpoint: Endpoint,
        credentials: CredentialsSource = .none,
        database: Int = 0,
        tls: TLSConfiguration? = nil,
        clientName: String? = nil
    ) {
        self.endpoint = endpoint
        self.credentials = credentials
        self.database = database
        self.tls = tls
        self.clientName = clientName
    }

    /// Reads `redis://[[user]:password@]host[:port][/database]` or
    /// `redis+unix://[[user]:password@]/path[?db=database]`. With `rediss://` the connection is encrypted;
    /// its query may name PEM files and the server: `?ca=file&cert=file&key=file&server-name=name`.
    ///
    /// User and password are percent-decoded. The error never repeats the URL, which may carry a password.
    package init(url: String) throws(RedisError) {
        let parsed = try RedisURL(url)
        self.init(
            endpoint: parsed.endpoint,
            credentials: parsed.password.map {
                .fixed(Credentials(user: parsed.user, password: Secret($0)))
            } ?? .none,
            database: parsed.database,
            tls: parsed.tls
        )
    }
}

extension RedisConfiguration: CustomStringConvertible {
    /// The endpoint and the database, without user and password.
    package var description: String {
        switch endpoint {
        case .tcp: "\(tls == nil ? "redis" : "rediss")://\(endpoint)/\(database)"
        case .unix: "redis+unix://\(endpoint)?db=\(database)"
        }
    }
}

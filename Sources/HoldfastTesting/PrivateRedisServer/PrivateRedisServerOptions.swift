internal import Foundation

extension PrivateRedisServer {
    /// How a private redis-server is set up.
    public struct Options: Sendable {
        /// When an append-only file is flushed to the disk: the `appendfsync` of Redis.
        public enum AppendFsync: String, Sendable {
            /// Before each reply: no acknowledged write is lost.
            case always
            /// Once a second.
            case everySecond = "everysec"
            /// When the operating system decides to.
            case never = "no"
        }

        /// Whether the server keeps an append-only file, so that data survives
        /// ``PrivateRedisServer/restart()``.
        ///
        /// Defaults to `false`: everything is in memory, and a restart begins empty.
        public var appendOnly: Bool

        /// When the append-only file is flushed. Defaults to `.everySecond`, as in Redis.
        ///
        /// Only `.always` keeps every acknowledged write across ``PrivateRedisServer/kill()``: with the
        /// others the server puts off its writes, for up to two seconds, while the disk is busy with an
        /// earlier flush.
        public var appendFsync: AppendFsync

        /// The transport of ``PrivateRedisServer/url``.
        ///
        /// Defaults to the environment variable `HOLDFAST_TEST_TRANSPORT`, which is `unix`, `tcp` or `tls`,
        /// and without it to `unix`. The server always listens on its unix socket too.
        public var transport: Transport?

        /// A TCP port on 127.0.0.1. 0 picks a free one; `nil`, the default, opens none unless `transport` is
        /// `.tcp`.
        public var tcpPort: Int?

        /// The port for TLS, once it is known.
        var tlsPort: Int?

        /// More lines for redis.conf, for example `"maxmemory-policy allkeys-lru"`.
        ///
        /// They come last, so they override the lines made here.
        public var configuration: [String]

        /// The password of the server's default user, which is then in the server's URLs.
        ///
        /// Defaults to the environment variable `HOLDFAST_TEST_PASSWORD`, unless ``configuration`` has a
        /// `requirepass`. Set it to the empty string for no password in any case.
        public var password: String?

        /// The server's executable: a path, or a name to find in `PATH`.
        ///
        /// Defaults to the environment variable `HOLDFAST_REDIS_SERVER`, and without it to `redis-server`.
        public var binary: String?

        /// How long the server may take from its start to its first answer. Defaults to two minutes.
        ///
        /// A server that ends at its start is noticed at once, whatever the value.
        public var startDeadline: Duration

        /// The defaults, except for what you pass.
        public init(
            appendOnly: Bool = false,
            appendFsync: AppendFsync = .everySecond,
            transport: Transport? = nil,
            tcpPort: Int? = nil,
            configuration: [String] = [],
            password: String? = nil,
            binary: String? = nil,
            startDeadline: Duration = .seconds(120)
        ) {
            self.appendOnly = appendOnly
            self.appendFsync = appendFsync
            self.transport = transport
            self.tcpPort = tcpPort
            self.configuration = configuration
            self.password = password
            self.binary = binary
            self.startDeadline = startDeadline
        }

        /// The same options with nothing left open: the full path of the executable, the transport, and
        /// definite ports.
        func resolved() throws(PrivateRedisServerError) -> Options {
            var options = self
            options.binary = try ServerBinary.find(binary)
            options.password = resolvedPassword()
            let transport = try Transport.find(transport)
            options.transport = transport
            if tcpPort == 0 || (transport == .tcp && tcpPort == nil) {
                options.tcpPort = try LocalSocket.freeTCPPort()
            }
            if transport == .tls {
                options.tlsPort = try LocalSocket.freeTCPPort()
            }
            return options
        }

        /// Where clients find the server of these options, which must be resolved.
        func url(for files: ServerFiles) -> String {
            switch (transport, tcpPort, tlsPort) {
            case (.tcp?, let port?, _): "redis://127.0.0.1:\(port)"
            case (.tls?, _, let port?): files.tlsURL(port: port)
            default: files.url
            }
        }

        private func resolvedPassword() -> String? {
            if let password { return password.isEmpty ? nil : password }
            guard !configuration.contains(where: { $0.hasPrefix("requirepass") }) else { return nil }
            return ProcessInfo.processInfo.environment["HOLDFAST_TEST_PASSWORD"]
        }

        /// A URL of the server with its password, if it has one.
        func authorized(_ url: String) -> String {
            password.map { PrivateRedisServer.url(url, user: nil, password: $0) } ?? url
        }

        /// The text of redis.conf. Only the append-only file saves anything.
        func configurationText(for files: ServerFiles) -> String {
            var lines = [
                "port \(tcpPort ?? 0)",
                "bind 127.0.0.1",
                "unixsocket \(Self.quoted(files.socket))",
                "unixsocketperm 700",
                "dir \(Self.quoted(files.directory))",
                "daemonize no",
                "logfile \"\"",
                "save \"\"",
                "appendonly \(appendOnly ? "yes" : "no")",
                "appendfsync \(appendFsync.rawValue)",
            ]
            if let tlsPort {
                lines += [
                    "tls-port \(tlsPort)",
                    "tls-cert-file \(Self.quoted(files.certificate))",
                    "tls-key-file \(Self.quoted(files.key))",
                    "tls-ca-cert-file \(Self.quoted(files.authority))",
                    "tls-auth-clients no",
                ]
            }
            let password = password.map { ["requirepass \(Self.quoted($0))"] } ?? []
            return (lines + password + configuration).joined(separator: "\n") + "\n"
        }

        private static func quoted(_ path: String) -> String {
            let escaped = path.replacingOccurrences(of: "\\", with: "\\\\")
                .replacingOccurrences(of: "\"", with: "\\\"")
            return "\"\(escaped)\""
        }
    }
}

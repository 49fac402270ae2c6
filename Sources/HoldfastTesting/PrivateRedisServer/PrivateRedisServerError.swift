/// Why a private redis-server could not be started or used.
public struct PrivateRedisServerError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it was.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code in words.
        public let description: String

        /// There is no redis-server on this machine, or not where the caller said.
        public static let notInstalled = Code(description: "not installed")
        /// The server ended at once or did not answer before the deadline; the message ends with its log.
        public static let startFailed = Code(description: "start failed")
        /// The operation needs a running server and there is none.
        public static let notRunning = Code(description: "not running")
        /// The server was stopped for good.
        public static let stopped = Code(description: "stopped")
        /// The operating system refused something the server needs, such as a directory or a process.
        public static let system = Code(description: "system")
    }

    /// What kind of failure it was.
    public let code: Code
    /// What failed and what to do about it.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The same as ``message``.
    public var description: String { message }
}

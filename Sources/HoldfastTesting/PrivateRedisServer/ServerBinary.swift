internal import Foundation

/// Finds the executable of the server.
enum ServerBinary {
    /// The full path of `wanted`, or else of what the environment names, or else of `redis-server`.
    static func find(
        _ wanted: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(PrivateRedisServerError) -> String {
        let name = wanted ?? environment["HOLDFAST_REDIS_SERVER"] ?? "redis-server"
        if name.contains("/") {
            guard access(name, X_OK) == 0 else {
                throw PrivateRedisServerError(
                    .notInstalled,
                    "There is no executable redis-server at \(name) (from HOLDFAST_REDIS_SERVER or the options)."
                )
            }
            return name
        }
        let folders = environment["PATH", default: "/usr/bin:/bin"].split(separator: ":")
        for path in folders.map({ "\($0)/\(name)" }) where access(path, X_OK) == 0 {
            return path
        }
        throw PrivateRedisServerError(
            .notInstalled,
            """
            \(name) was not found in PATH. Install it (Debian and Ubuntu: apt-get install redis-server; \
            macOS: brew install redis), or set HOLDFAST_REDIS_SERVER to the path of a redis-server or valkey-server.
            """
        )
    }
}

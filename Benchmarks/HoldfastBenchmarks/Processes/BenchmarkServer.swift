import Holdfast
import HoldfastTesting
import Logging
import RedisLink

extension Holdfast {
    /// A client of the benchmark's server.
    static func benchmarked(_ url: String) async throws -> Holdfast {
        var logger = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        let holdfast = try Holdfast(redis: url, namespace: "bench", logger: logger)
        try await holdfast.connect()
        return holdfast
    }

    /// The key of a name's waiters.
    func waitersKey(_ name: String) throws -> RedisArgument { .string(try core.keys.key(name, "waiters")) }

    /// How many wait for a name.
    func waiting(_ name: String) async throws -> Int64 {
        try await core.link.send(["ZCARD", waitersKey(name)]).value.integer ?? 0
    }

    /// The fields of a section of the server's `INFO`.
    func info(_ section: String) async throws -> [String: String] {
        let text = try await core.link.send(["INFO", .string(section)]).value.string ?? ""
        return text.split(whereSeparator: \.isNewline).reduce(into: [:]) { fields, line in
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
    }

    /// How often each command was called at the server, by clients and by scripts.
    func calls() async throws -> [String: Int] {
        try await info("commandstats").reduce(into: [:]) { calls, line in
            let count = line.value.dropFirst("calls=".count).prefix { $0.isNumber }
            calls[String(line.key.dropFirst("cmdstat_".count))] = Int(count)
        }
    }
}

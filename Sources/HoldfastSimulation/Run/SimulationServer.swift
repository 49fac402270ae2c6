internal import Foundation
internal import Holdfast
internal import HoldfastTesting
internal import Logging
internal import RedisLink

/// The Redis of a run: a private server, or a given one of which a fresh namespace is used.
struct SimulationServer: Sendable {
    let url: String
    let namespace: String
    private let own: PrivateRedisServer?

    /// - Parameters:
    ///   - url: of a given server; nil starts one.
    ///   - survivesKill: whether what a private server answered must survive its SIGKILL.
    init(url: String?, survivesKill: Bool) async throws(SimulationError) {
        if let url {
            self.url = url
            namespace = "holdfast-simulation-\(UUID().uuidString.prefix(13).lowercased())"
            own = nil
            return
        }
        var options = PrivateRedisServer.Options()
        options.appendOnly = survivesKill
        options.appendFsync = .always
        do {
            let server = try await PrivateRedisServer.start(options)
            self.url = server.url
            own = server
        } catch {
            throw SimulationError(.serverMissing, "\(error)")
        }
        namespace = "simulation"
    }

    /// Kills the private server, leaves it down for a moment, and starts it again on the same files.
    func restart(down: Duration) async throws {
        guard let own else { preconditionFailure("a given server is never restarted") }
        await own.kill()
        try await Task.sleep(for: down)
        try await own.restart()
    }

    /// What a private server logged last, as the end of a sentence.
    var lastWords: String {
        let lines = own?.log.split(separator: "\n").suffix(3) ?? []
        return lines.isEmpty ? "" : "; it last said: \(lines.joined(separator: " / "))"
    }

    /// Leaves nothing behind: ends a private server, removes the keys from a given one.
    ///
    /// - Parameter holdfast: nil where there cannot be any.
    func cleanUp(with holdfast: Holdfast?) async throws {
        if let own {
            await own.stop()
        } else if let holdfast {
            try await removeKeys(with: holdfast)
        }
    }

    /// The namespace is random and the run's own, so all keys that begin with it may go. The walk over the
    /// whole keyspace is made of many short steps.
    private func removeKeys(with holdfast: Holdfast) async throws {
        var cursor = "0"
        repeat {
            let reply = try await holdfast.core.link.send([
                "SCAN", .string(cursor), "MATCH", .string("\(namespace):*"), "COUNT", "1000",
            ]).value.array
            cursor = reply?.first?.string ?? "0"
            for key in reply?.last?.array ?? [] {
                if let bytes = key.bytes { _ = try await holdfast.core.link.send(["UNLINK", .bytes(bytes)]) }
            }
        } while cursor != "0"
    }
}

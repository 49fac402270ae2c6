internal import Foundation
internal import Holdfast
internal import HoldfastTesting
internal import Logging
internal import RedisLink

/// The Redis of a run: a private server, or a fresh namespace on a given one.
struct SimulationServer: Sendable {
    let url: String
    let namespace: String
    private let own: PrivateRedisServer?

    /// - Parameters:
    ///   - url: of a given server; nil starts one.
    ///   - survivesKill: whether acknowledged writes must survive a SIGKILL of the private server.
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

    /// The last lines of a private server's log, as the end of a sentence.
    var lastWords: String {
        let lines = own?.log.split(separator: "\n").suffix(3) ?? []
        return lines.isEmpty ? "" : "; it last said: \(lines.joined(separator: " / "))"
    }

    /// Leaves nothing behind: ends a private server, removes the keys from a given one.
    ///
    /// - Parameter holdfast: the client for removing keys; nil if there cannot be any keys.
    func cleanUp(with holdfast: Holdfast?) async throws {
        if let own {
            await own.stop()
        } else if let holdfast {
            try await removeKeys(with: holdfast)
        }
    }

    /// The namespace is random and belongs to this run, so all keys that begin with it can be removed. The
    /// walk over the whole keyspace consists of many short steps.
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

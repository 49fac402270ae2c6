import Holdfast
import HoldfastTesting
import Logging
import RedisTestRig
import TestSupport

/// Two instances, of which the first one's connections can be broken, and somebody who sends and looks on.
struct DyingInstance: Sendable {
    let dying: Holdfast
    let healthy: Holdfast
    let observer: Holdfast
    private let proxy: FaultProxy

    /// Of the first instance, whose end is waited for. The others' are long, so that no stall of the machine ends them.
    static let lease = Duration.milliseconds(500)

    /// As if the process of the first instance were gone, or stopped: nothing that it sends or is sent arrives.
    func die() {
        proxy.refuseConnections(true)
        proxy.perform([.blackHole(.request)], .request)
        proxy.perform([.blackHole(.reply)], .reply)
    }

    static func with(_ body: @Sendable (DyingInstance) async throws -> Void) async throws {
        try await withPrivateRedisServer { server in
            let proxy = try FaultProxy(to: server.unixURL)
            let pair = DyingInstance(
                dying: try client(proxy.url, lease: lease), healthy: try client(server.url),
                observer: try client(server.url), proxy: proxy)
            do {
                try await body(pair)
            } catch {
                await pair.close()
                throw error
            }
            await pair.close()
        }
    }

    /// Runs both instances while `body` does something; they are closed then.
    func whileRunning(_ body: () async throws -> Void) async throws {
        let runs = [dying, healthy].map { holdfast in Task { try await holdfast.run() } }
        defer { for run in runs { run.cancel() } }
        try await body()
    }

    private func close() async {
        await dying.close()
        await healthy.close()
        await observer.close()
    }

    private static func client(_ url: String, lease: Duration = .seconds(30)) throws -> Holdfast {
        var configuration = Holdfast.Configuration()
        configuration.lease = lease
        configuration.stopDeadline = .milliseconds(1)
        return try Holdfast(
            redis: url, namespace: "t", configuration: configuration,
            logger: .quiet)
    }
}

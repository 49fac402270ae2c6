import HoldfastTesting
import Logging
import RedisLink
import TestSupport

@testable import Holdfast

/// Runs `body` with a private server and a client of it, which is closed afterwards. What is left on the server
/// then must be documented.
func withHoldfast(
    lease: Duration = .seconds(30), commandTimeout: Duration = .seconds(5),
    _ body: @Sendable (Holdfast, PrivateRedisServer) async throws -> Void
) async throws {
    try await withPrivateRedisServer { server in
        let holdfast = try client(of: server, lease: lease, commandTimeout: commandTimeout)
        do {
            try await body(holdfast, server)
        } catch {
            await holdfast.close()
            throw error
        }
        await holdfast.close()
        if server.processID != nil { try await DocumentedKeys.expectAllKnown(server) }
    }
}

/// Another client of the same server, as another instance of the service would have.
func client(
    of server: PrivateRedisServer, lease: Duration = .seconds(30), commandTimeout: Duration = .seconds(5)
) throws -> Holdfast {
    var configuration = Holdfast.Configuration()
    configuration.lease = lease
    configuration.commandTimeout = commandTimeout
    return try Holdfast(redis: server.url, namespace: "t", configuration: configuration, logger: .quiet)
}

extension Holdfast {
    /// A command as redis-cli would send it.
    @discardableResult
    func redis(_ command: RedisArgument...) async throws -> RedisValue {
        try await core.link.send(RedisCommand(command)).value
    }
}

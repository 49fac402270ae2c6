import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// What queues, `once` and workers run on. What a test that takes one says is promised on each.
struct Backend: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// Makes one, and closes the instances that came of it.
    private let run: @Sendable (_ body: @Sendable (Instances) async throws -> Void) async throws -> Void

    static let all = [redis, memory]

    private static let redis = Backend(testDescription: "Redis") { body in
        try await withPrivateRedisServer { server in
            try await body(
                Instances { namespace, configuration in
                    try Holdfast(
                        redis: server.url, namespace: namespace, configuration: configuration, logger: .quiet)
                })
        }
    }

    private static let memory = Backend(testDescription: "in memory") { body in
        let memory = try InMemoryRedis(logger: .quiet)
        try await body(
            Instances { namespace, configuration in
                try memory.holdfast(namespace: namespace, configuration: configuration)
            })
    }

    func callAsFunction(_ body: @Sendable (Instances) async throws -> Void) async throws {
        try await run(body)
    }
}

/// Makes instances of one service, which share a backend.
struct Instances: Sendable {
    fileprivate let factory: @Sendable (_ namespace: String, Holdfast.Configuration) throws -> Holdfast

    func make(_ configuration: Holdfast.Configuration, namespace: String = "t") throws -> Holdfast {
        try factory(namespace, configuration)
    }
}

/// Runs `body` with an instance, which is closed afterwards. What is left then must be documented.
func withHoldfast(
    on backend: Backend, lease: Duration = .seconds(30),
    _ body: @Sendable (Holdfast, Instances) async throws -> Void
) async throws {
    try await backend { instances in
        let holdfast = try client(of: instances, lease: lease)
        let result: Result<Void, any Error>
        do { result = .success(try await body(holdfast, instances)) } catch { result = .failure(error) }
        await holdfast.close()
        try result.get()
        try await DocumentedKeys.expectAllKnown(by: client(of: instances))
    }
}

/// Another instance.
func client(of instances: Instances, lease: Duration = .seconds(30)) throws -> Holdfast {
    var configuration = Holdfast.Configuration()
    configuration.lease = lease
    return try instances.make(configuration)
}

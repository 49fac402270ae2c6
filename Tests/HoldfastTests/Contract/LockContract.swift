import HoldfastTesting
import Logging
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// A provider of locks under the contract suite. A new one joins by one line in `all`.
///
/// The suite is the tests in this folder, each for all providers unless its parameter list says for which: what
/// is restarted or flushed must be a server. `Locks` has the rows of a plain lock; what else can be held (read
/// and write locks, semaphores, an election) gets a folder beside it, and a list of its providers here.
struct LockContract: Sendable, CustomTestStringConvertible {
    typealias Body = @Sendable (Subject) async throws -> Void

    let testDescription: String
    /// Runs a test with a provider of its own.
    let run: @Sendable (Body) async throws -> Void

    static let all = [redis, inProcess, inMemory]
    /// Those that have a server, which forgets everything when it is restarted.
    static let withServer = [redis]
    /// Those that have a server, which forgets nothing when it is restarted.
    static let withDurableServer = [durableRedis]

    private static let redis = redis("Redis", .init())
    private static let durableRedis = redis(
        "Redis with an append-only file", .init(appendOnly: true, appendFsync: .always))

    private static let inProcess = LockContract(testDescription: "in process") { body in
        let locks = try InProcessLocks(logger: .quiet)
        try await body(
            Subject(
                locks: locks, other: locks, instanceID: locks.instance.id,
                isHeld: { locks.heldNames.contains($0) }, waiterCount: { locks.waiterCount(of: $0) },
                lose: { locks.lose($0) },
                stopRenewals: { locks.stopRenewals() }, resumeRenewals: { locks.resumeRenewals() }))
        #expect(locks.heldNames == [])
    }

    private static let inMemory = LockContract(testDescription: "in memory") { body in
        let memory = try InMemoryRedis(logger: .quiet)
        try await run(body, on: try (0..<3).map { _ in try memory.holdfast(namespace: "t") })
    }

    private static func redis(_ name: String, _ options: PrivateRedisServer.Options) -> LockContract {
        LockContract(testDescription: name) { body in
            try await withPrivateRedisServer(options) { server in
                let clients = [try client(of: server), try client(of: server), try client(of: server)]
                try await run(body, on: clients, server)
            }
        }
    }

    /// - Parameter clients: two that are tested, and one that asks for the test; so that what the test does to the
    ///   others' connections is not its own.
    private static func run(
        _ body: Body, on clients: [Holdfast], _ server: PrivateRedisServer? = nil
    ) async throws {
        let witness = clients[2]
        @Sendable func key(_ name: String, _ part: String) throws -> RedisArgument {
            .string(try witness.core.keys.key(name, part))
        }
        // Renewals are refused for want of a permission; in memory, where there are none, for want of replicas.
        let refusal: (begin: RedisCommand, end: RedisCommand) =
            server == nil
            ? (
                ["CONFIG", "SET", "min-replicas-to-write", "1"],
                ["CONFIG", "SET", "min-replicas-to-write", "0"]
            )
            : (["ACL", "SETUSER", "default", "-pexpire"], ["ACL", "SETUSER", "default", "+pexpire"])
        let subject = Subject(
            locks: clients[0], other: clients[1], instanceID: clients[0].core.instance.id,
            isHeld: { try await witness.redis("EXISTS", key($0, "lock")).integer == 1 },
            waiterCount: { Int(try await witness.redis("ZCARD", key($0, "waiters")).integer ?? 0) },
            lose: { try await witness.redis("DEL", key($0, "lock")) },
            stopRenewals: { _ = try await witness.core.link.send(refusal.begin) },
            resumeRenewals: { _ = try await witness.core.link.send(refusal.end) },
            server: server.map { Subject.Server(process: $0, witness: witness) })
        let result: Result<Void, any Error>
        do { result = .success(try await body(subject)) } catch { result = .failure(error) }
        for client in clients { await client.close() }
        try result.get()
    }
}

/// A provider as a test has it, with what befalls it from outside.
struct Subject: Sendable {
    struct Server: Sendable {
        let process: PrivateRedisServer
        /// Who sends what the test does to the server.
        let witness: Holdfast
    }

    /// As one instance of a service has it.
    let locks: any LockProvider
    /// As another instance has it; the same where there is but one.
    let other: any LockProvider
    /// The instance whose the leases of `locks` are.
    let instanceID: String
    let isHeld: @Sendable (String) async throws -> Bool
    let waiterCount: @Sendable (String) async throws -> Int
    /// The name is free all of a sudden.
    let lose: @Sendable (String) async throws -> Void
    /// No lease is renewed from now on; nothing else may be asked until `resumeRenewals`.
    let stopRenewals: @Sendable () async throws -> Void
    let resumeRenewals: @Sendable () async throws -> Void
    var server: Server?

    /// Waits until `count` callers wait for the name.
    func expectWaiters(_ count: Int, for name: String = "a") async throws {
        #expect(try await eventually { try await waiterCount(name) == count })
    }

    /// Waits until nobody holds the name, or waits for it.
    func expectFree(_ name: String = "a") async throws {
        let isFree = try await eventually {
            let isHeld = try await isHeld(name)
            let count = try await waiterCount(name)
            return !isHeld && count == 0
        }
        #expect(isFree, "\(name) is held or waited for")
    }

    func expectRefused(_ name: String = "a") async throws {
        #expect(try await other.tryAcquire(name).lease == nil)
    }
}

/// The code of the error that `body` throws.
func code(_ body: () async throws -> Void) async -> HoldfastError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? HoldfastError)?.code
    }
}

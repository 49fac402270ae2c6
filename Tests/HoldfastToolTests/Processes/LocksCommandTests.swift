import Foundation
import HoldfastTesting
import Logging
import Processes
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// `holdfast locks show`, `release` and `wait`, as real processes.
@Suite struct LocksCommandTests {
    private struct Lock: Decodable {
        struct Waiter: Decodable {
            var pid: Int32?
            var waitingForMilliseconds: Int64
        }
        var held: Bool
        var fence: Int64?
        var waiting: Int?
        var waiters: [Waiter]?
    }

    private static func show(_ server: PrivateRedisServer) async throws -> Lock {
        try await Tool.run("locks", "show", "a", "--json", server: server.url).json()
    }

    /// A client of this process holds "a", and is closed after.
    private static func withHolder(
        _ body: (Holdfast, Lease, PrivateRedisServer) async throws -> Void
    ) async throws {
        try await withPrivateRedisServer { server in
            let logger = Logger.quiet
            let holdfast = try Holdfast(redis: server.url, logger: logger)
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            try await body(holdfast, lease, server)
            await holdfast.close()
        }
    }

    private static func queued(_ count: Int64, _ holdfast: Holdfast) async throws {
        let isQueued = try await eventually { try await holdfast.waiters(of: "a").count == count }
        #expect(isQueued)
    }

    @Test func `Those who wait are shown in their order, with pid and waiting time`() async throws {
        try await Self.withHolder { holdfast, lease, server in
            let first = try Tool(["locks", "wait", "a"], server: server.url)
            try await Self.queued(1, holdfast)
            let second = try Tool(["locks", "wait", "a"], server: server.url)
            try await Self.queued(2, holdfast)
            let lock = try await Self.show(server)
            #expect(lock.waiting == 2)
            #expect(lock.waiters?.map(\.pid) == [first.child.pid, second.child.pid])
            #expect(lock.waiters?.allSatisfy { $0.waitingForMilliseconds >= 0 } == true)
            let text = try await Tool.run("locks", "show", "a", server: server.url).output
            #expect(text.contains("2 waiting:"))
            #expect(text.contains("\(first.child.pid)"))
            try await lease.release()
            #expect(await first.end().status == 0)
            #expect(await second.end().status == 0)
            #expect(try await !Self.show(server).held)
        }
    }

    @Test func `A wait that is over before the lock is free ends with 75 and leaves the queue`() async throws
    {
        try await Self.withHolder { holdfast, _, server in
            let outcome = try await Tool.run("locks", "wait", "a", "--timeout", "50ms", server: server.url)
            #expect(outcome.status == 75)
            let host = holdfast.core.instance.host
            #expect(outcome.error.contains("the lock a is held by \(host), pid "))
            try await Self.queued(0, holdfast)
        }
    }

    @Test func `A confirmed release shows the holder, frees the lock, and raises the fence`() async throws {
        try await Self.withHolder { holdfast, lease, server in
            let outcome = try await Tool.run("locks", "release", "a", "--yes", server: server.url)
            #expect(outcome.status == 0)
            #expect(outcome.error.contains(holdfast.core.instance.id))
            #expect(!outcome.error.contains(lease.grant.token))
            #expect(try await !Self.show(server).held)
            let entry = try await holdfast.core.link.send(["GET", "holdfast:{a}:fence"]).value.integer
            #expect(try #require(entry) > lease.fencingToken.rawValue)
            let error = await #expect(throws: HoldfastError.self) { try await lease.release() }
            #expect(error?.code == .lost)
        }
    }

    @Test func `A release by token needs that of the holder`() async throws {
        try await Self.withHolder { _, lease, server in
            let command = ["locks", "release", "a", "--token-stdin"]
            let wrong = try await withFile("0123\n") {
                try await Tool(command, server: server.url, input: $0).end()
            }
            #expect(wrong.status == 75)
            #expect(try await Self.show(server).held)
            let right = try await withFile(lease.grant.token + "\n") {
                try await Tool(command, server: server.url, input: $0).end()
            }
            #expect(right.status == 0)
            #expect(try await !Self.show(server).held)
        }
    }

    @Test func `Without a confirmation nothing is released`() async throws {
        try await Self.withHolder { _, lease, server in
            let outcome = try await withFile("yes\n") {
                try await Tool(["locks", "release", "a"], server: server.url, input: $0).end()
            }
            #expect(outcome.status == 64)
            #expect(outcome.error.contains("--yes"))
            try await lease.release()
            #expect(try await Tool.run("locks", "release", "a", "--yes", server: server.url).status == 0)
        }
    }

    @Test func `A lock whose value is no text is released, also by that value on standard input`()
        async throws
    {
        try await Self.withHolder { holdfast, _, server in
            let token: [UInt8] = [0xFF, 0x0A, 0xE9]
            func hold(_ name: String) async throws {
                _ = try await holdfast.core.link.send(
                    ["SET", .string("holdfast:{\(name)}:lock"), .bytes(token)])
            }
            try await hold("b")
            let seen = try await Tool.run("locks", "release", "b", "--yes", server: server.url)
            #expect(seen.status == 0, "\(seen.error)")
            #expect(try await holdfast.lockStatus("b") == nil)
            for end in [[], [0x0A], [0x0D, 0x0A]] as [[UInt8]] {
                try await hold("b")
                let path = FileManager.default.temporaryDirectory.appending(
                    path: "token-\(UUID().uuidString)")
                try Data(token + end).write(to: path)
                defer { try? FileManager.default.removeItem(at: path) }
                let named = try await Tool(
                    ["locks", "release", "b", "--token-stdin"], server: server.url, input: path.path
                ).end()
                #expect(named.status == 0, "\(named.error)")
                #expect(try await holdfast.lockStatus("b") == nil)
            }
        }
    }

    private struct Locks: Decodable {
        struct Lock: Decodable {
            var name: String
        }
        var locks: [Lock]
    }

    @Test func `Locks are listed by a pattern and up to a limit, as a table and as JSON`() async throws {
        try await Self.withHolder { holdfast, _, server in
            for number in 0..<1500 {
                _ = try await holdfast.core.link.send(
                    ["SET", .string("holdfast:{n\(number)}:lock"), "token"])
            }
            func names(_ arguments: String...) async throws -> [String] {
                let listed = try await Tool(["locks", "ls", "--json"] + arguments, server: server.url).end()
                #expect(listed.status == 0)
                return try listed.json(Locks.self).locks.map(\.name)
            }
            #expect(try await Set(names()) == Set(["a"] + (0..<1500).map { "n\($0)" }))
            #expect(try await names("n149?").sorted() == (1490...1499).map { "n\($0)" })
            #expect(try await names("--limit", "7").count == 7)
            #expect(try await names("none*") == [])
            let table = try await Tool.run("locks", "ls", "--limit", "1200", server: server.url)
            #expect(table.output.split(separator: "\n").count == 1201)
            #expect(table.output.ranges(of: "NAME").count == 1)
            let none = try await Tool.run("locks", "ls", "--limit", "0", server: server.url)
            #expect(none.status == 64)
        }
    }
}

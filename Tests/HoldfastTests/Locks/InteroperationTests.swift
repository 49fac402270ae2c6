import Foundation
import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

@Suite("redis-py's Lock on the same key")
struct InteroperationTests {
    /// Runs a program of redis-py, in which `lock` is a `Lock` on `key` and `client` its connection.
    func python(_ server: PrivateRedisServer, _ program: String) async throws -> String {
        let interpreter = ProcessInfo.processInfo.environment["HOLDFAST_PYTHON"] ?? "/usr/bin/python3"
        let source = """
            import os, redis
            from redis.lock import Lock
            client = redis.Redis.from_url(os.environ["HOLDFAST_TEST_URL"])
            lock = Lock(client, "t:{a}:lock", timeout=20, blocking=False)
            \(program)
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: interpreter)
        process.arguments = ["-c", source]
        // No command line shows a password.
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["HOLDFAST_TEST_URL": server.unixURL.replacing("redis+unix", with: "unix")]
        ) { _, url in url }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "redis-py failed; scripts/setup installs python3-redis")
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("is refused while we hold it, and granted once we have released it")
    func excluded() async throws {
        try await withHoldfast { holdfast, server in
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            let refused = try await python(server, "print(lock.acquire())")
            #expect(refused == "False")
            try lease.check()
            try await lease.release()
            let granted = try await python(server, "print(lock.acquire()); lock.release()")
            #expect(granted == "True")
        }
    }

    @Test("excludes us while it is held, and is released by its owner only")
    func excludes() async throws {
        try await withHoldfast { holdfast, server in
            _ = try await python(server, "lock.acquire(); print(lock.local.token.decode())")
            guard case .refused(let holder) = try await holdfast.tryAcquire("a") else {
                Issue.record("granted while redis-py holds it")
                return
            }
            #expect(holder.instanceID == nil)
            #expect(try #require(holder.remaining) > .seconds(10))
            let released = try await python(
                server, "lock.local.token = client.get(lock.name); lock.release(); print('released')")
            #expect(released == "released")
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            try await lease.release()
        }
    }
}

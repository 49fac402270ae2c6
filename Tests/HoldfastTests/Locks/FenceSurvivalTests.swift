import Foundation
import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// What Redis may lose, it may lose: the next fence is higher than all that were given out before.
@Suite("A fence after Redis lost data")
struct FenceSurvivalTests {
    /// The fence of a grant that stays held.
    private func grant(_ holdfast: Holdfast) async throws -> (lease: Lease, fence: FencingToken) {
        let lease = try await holdfast.acquire("a", waitingAtMost: .seconds(10))
        return (lease, try lease.fencingToken)
    }

    /// The fence that a server remembers.
    private func remembered(_ holdfast: Holdfast) async throws -> FencingToken? {
        let entry = try await holdfast.redis("GET", "t:{a}:fence").string
        return entry.flatMap { Int64($0.prefix(16)) }.map(FencingToken.init)
    }

    /// Another instance, which takes the lock of a holder that Redis has forgotten.
    private func expectHigherGrant(of server: PrivateRedisServer, than fence: FencingToken) async throws {
        let successor = try client(of: server)
        let next = try await grant(successor)
        #expect(next.fence > fence)
        // What the fence is for: the resource refuses the holder that Redis has forgotten.
        #expect(try await successor.fencedWrite("a", [2], fence: next.fence) == .accepted)
        #expect(try await successor.fencedWrite("a", [1], fence: fence) == .refused(highest: next.fence))
        try await next.lease.release()
        await successor.close()
    }

    @Test("rises over FLUSHALL")
    func flush() async throws {
        try await withHoldfast { holdfast, server in
            let held = try await grant(holdfast)
            try await holdfast.redis("FLUSHALL")
            try await expectHigherGrant(of: server, than: held.fence)
        }
    }

    @Test("rises over a restart without persistence", arguments: [true, false])
    func restart(crash: Bool) async throws {
        try await withHoldfast { holdfast, server in
            let held = try await grant(holdfast)
            if crash { await server.kill() }
            try await server.restart()
            let witness = try client(of: server)
            #expect(try await remembered(witness) == nil)
            await witness.close()
            try await expectHigherGrant(of: server, than: held.fence)
        }
    }

    @Test("rises over the loss of the end of the append-only file")
    func cutTail() async throws {
        try await withPrivateRedisServer(.init(appendOnly: true, appendFsync: .always)) { server in
            let holdfast = try client(of: server)
            let first = try await grant(holdfast)
            try await first.lease.release()
            // Its registration is written too, and must not be what is cut.
            #expect(try await eventually { try await holdfast.instances().count == 1 })
            let kept = try appendOnlyFile(of: server).size
            let second = try await grant(holdfast)
            await server.kill()
            let (file, size) = try appendOnlyFile(of: server)
            try #require(size > kept)
            // In the middle of the second grant.
            let handle = try FileHandle(forWritingTo: file)
            try handle.truncate(atOffset: (kept + size) / 2)
            try handle.close()
            try await server.restart()
            let witness = try client(of: server)
            #expect(try await remembered(witness) == first.fence)
            await witness.close()
            try await expectHigherGrant(of: server, than: second.fence)
            await holdfast.close()
        }
    }

    private func appendOnlyFile(of server: PrivateRedisServer) throws -> (file: URL, size: UInt64) {
        let files = FileManager.default.enumerator(
            at: URL(filePath: server.directory), includingPropertiesForKeys: nil)
        // A folder of files since Redis 7.0, one file before.
        let file = try #require(
            files?.compactMap { $0 as? URL }.first {
                $0.lastPathComponent.hasSuffix(".incr.aof") || $0.lastPathComponent == "appendonly.aof"
            })
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return (file, try #require(attributes[.size] as? UInt64))
    }

    @Test("rises over a failover to a replica that misses the newest grants")
    func failover() async throws {
        // A primary waits for more replicas otherwise, for five seconds.
        let options = PrivateRedisServer.Options(
            tcpPort: 0, configuration: ["repl-diskless-sync-delay 0"])
        try await withPrivateRedisServer(options) { primary in
            try await withPrivateRedisServer(.init()) { replica in
                let holdfast = try client(of: primary)
                let witness = try client(of: replica)
                if let password = primary.password {
                    try await witness.redis("CONFIG", "SET", "masterauth", .string(password))
                }
                let port = try #require(primary.tcpURL.flatMap(URL.init(string:))?.port)
                try await witness.redis("REPLICAOF", "127.0.0.1", .init(port))
                let first = try await grant(holdfast)
                try await first.lease.release()
                // The release came through, so the grant did, too.
                let isReplicated = try await eventually {
                    guard try await remembered(witness) == first.fence else { return false }
                    return try await witness.redis("EXISTS", "t:{a}:lock").integer == 0
                }
                #expect(isReplicated)
                // The replica is cut off: it follows a port where nobody answers, and keeps what it has.
                try await witness.redis("REPLICAOF", "127.0.0.1", "1")
                let second = try await grant(holdfast)
                await primary.kill()
                try await witness.redis("REPLICAOF", "NO", "ONE")
                #expect(try await remembered(witness) == first.fence)
                try await expectHigherGrant(of: replica, than: second.fence)
                await witness.close()
                await holdfast.close()
            }
        }
    }
}

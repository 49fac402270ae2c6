import Foundation
import HoldfastTesting
import RedisLink
import Synchronization
import TestSupport
import Testing

@testable import Holdfast

/// Notices when two are inside at once.
private final class CriticalSection: Sendable {
    let fences = Mutex<[FencingToken]>([])
    let crowded = Atomic(false)
    private let inside = Atomic(0)

    @Sendable func enter(_ lease: Lease) async throws {
        if inside.add(1, ordering: .sequentiallyConsistent).newValue != 1 {
            crowded.store(true, ordering: .relaxed)
        }
        let fence = try lease.fencingToken
        fences.withLock { $0.append(fence) }
        await Task.yield()
        inside.subtract(1, ordering: .sequentiallyConsistent)
    }
}

@Suite("A lock")
struct LockTests {
    @Test("is granted to one, and refused to the next with holder, age and remaining time")
    func refusal() async throws {
        try await withHoldfast { first, server in
            let second = try client(of: server)
            let lease = try #require(try await first.tryAcquire("a", lease: .seconds(10)).lease)
            guard case .refused(let holder) = try await second.tryAcquire("a") else {
                Issue.record("the second was granted")
                return
            }
            #expect(holder.instanceID == first.core.instance.id)
            #expect(holder.fencingToken == lease.fence)
            #expect(try #require(holder.remaining) <= .seconds(10))
            #expect(try #require(holder.remaining) > .seconds(5))
            #expect(try #require(holder.heldFor) < .seconds(5))
            try await lease.release()
            #expect(try await second.tryAcquire("a").lease != nil)
            await second.close()
        }
    }

    @Test("costs one command to take and one to release, a refusal included")
    func cost() async throws {
        try await withHoldfast { holdfast, _ in
            // Loads the scripts and the registry entry.
            try await holdfast.tryAcquire("warm", lease: .seconds(60)).lease?.release()
            func commands() async throws -> Int {
                let info = try await holdfast.redis("INFO", "commandstats").string ?? ""
                return info.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("cmdstat_evalsha:") }
                    .compactMap { Int($0.split(separator: "=")[1].prefix { $0.isNumber }) }.reduce(0, +)
            }
            let before = try await commands()
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            _ = try await holdfast.tryAcquire("a")
            try await lease.release()
            #expect(try await commands() - before == 3)
        }
    }

    @Test("without a fence is a bare key with the token and the lease")
    func plain() async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try #require(
                try await holdfast.tryAcquire("a", lease: .seconds(10), fenced: false).lease)
            #expect(lease.fence == nil)
            #expect(try await holdfast.redis("GET", "t:{a}:lock").string == lease.grant.token)
            #expect(try await holdfast.redis("EXISTS", "t:{a}:fence").integer == 0)
            guard case .refused(let holder) = try await holdfast.tryAcquire("a", fenced: false) else {
                Issue.record("granted twice")
                return
            }
            #expect(holder.instanceID == holdfast.core.instance.id)
            #expect(holder.fencingToken == nil)
            #expect(holder.heldFor == nil)
            try await lease.release()
        }
    }

    @Test("is waited for until it is released, at the longest for the limit")
    func waiting() async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try #require(try await holdfast.tryAcquire("a").lease)
            let error = await #expect(throws: HoldfastError.self) {
                _ = try await holdfast.acquire("a", waitingAtMost: .milliseconds(50))
            }
            #expect(error?.code == .notAcquired)
            #expect(error?.holder?.instanceID == holdfast.core.instance.id)
            let second = Task { try await holdfast.acquire("a", waitingAtMost: .seconds(10)) }
            try await lease.release()
            try await second.value.release()
        }
    }

    @Test("runs the work, gives its result, and is free afterwards, also when the work throws")
    func withLock() async throws {
        struct Failure: Error {}
        try await withHoldfast { holdfast, _ in
            let fence = try await holdfast.withLock("a") { lease in
                try lease.check()
                return try lease.fencingToken
            }
            #expect(fence.rawValue > 0)
            await #expect(throws: Failure.self) {
                try await holdfast.withLock("a") { _ in throw Failure() }
            }
            #expect(try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0)
        }
    }

    @Test("is released when the caller is cancelled")
    func cancellation() async throws {
        try await withHoldfast { holdfast, _ in
            let began = Mutex(false)
            let task = Task {
                try await holdfast.withLock("a") { _ in
                    began.withLock { $0 = true }
                    try await Gate().pass()
                }
            }
            let hasBegun = await eventually { began.withLock { $0 } }
            #expect(hasBegun)
            task.cancel()
            let result = await task.result
            #expect(throws: CancellationError.self) { try result.get() }
            let left = try await holdfast.redis("EXISTS", "t:{a}:lock").integer
            #expect(left == 0)
        }
    }

    @Test("leaks nothing when its acquisition is cancelled at any moment")
    func cancelledAcquisition() async throws {
        try await withHoldfast { observer, server in
            for round in 0..<100 {
                // Not connected yet: that can be interrupted, too.
                let holdfast = try client(of: server)
                for step in 0..<10 {
                    let task = Task { try await holdfast.tryAcquire("a") }
                    for _ in 0..<(round % 10 + step) { await Task.yield() }
                    task.cancel()
                    if let lease = try? await task.value.lease { try await lease.release() }
                    let isFree = try await eventually {
                        try await observer.redis("EXISTS", "t:{a}:lock").integer == 0
                    }
                    #expect(isFree)
                }
                await holdfast.close()
            }
        }
    }

    @Test("excludes: tasks of three clients never overlap")
    func exclusion() async throws {
        try await withHoldfast { first, server in
            let clients = [first, try client(of: server), try client(of: server)]
            let section = CriticalSection()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients {
                    for _ in 0..<4 {
                        group.addTask {
                            for _ in 0..<10 { try await client.withLock("a", section.enter) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let fences = section.fences.withLock { $0 }
            #expect(fences.count == 120)
            #expect(zip(fences, fences.dropFirst()).allSatisfy(<), "fences rise")
            #expect(section.crowded.load(ordering: .relaxed) == false)
            for client in clients.dropFirst() { await client.close() }
        }
    }

    @Test("is let go of when the client is closed, and refused afterwards")
    func closing() async throws {
        try await withHoldfast { holdfast, server in
            let other = try client(of: server)
            let lease = try #require(try await other.tryAcquire("a").lease)
            await other.close()
            #expect(throws: HoldfastError.self) { try lease.check() }
            #expect(try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0)
            #expect(try await holdfast.instances().map(\.id) == [])
            let error = await #expect(throws: HoldfastError.self) { _ = try await other.tryAcquire("a") }
            #expect(error?.code == .closed)
        }
    }

    @Test("with an impossible name or lease is refused before Redis is asked")
    func invalid() async throws {
        let holdfast = try Holdfast(redis: "redis://127.0.0.1:1", logger: .quiet)
        for (name, lease) in [("", Duration.seconds(1)), ("a", .milliseconds(99)), ("a", .seconds(86_401))] {
            let error = await #expect(throws: HoldfastError.self) {
                _ = try await holdfast.tryAcquire(name, lease: lease)
            }
            #expect(error?.code == .invalidArgument)
        }
        await holdfast.close()
    }

    @Test("at a key of another type is an error that changes nothing")
    func wrongType() async throws {
        try await withHoldfast { holdfast, _ in
            try await holdfast.redis("RPUSH", "t:{a}:lock", "x")
            try await holdfast.redis("RPUSH", "t:{b}:fence", "x")
            for name in ["a", "b"] {
                let error = await #expect(throws: HoldfastError.self) {
                    _ = try await holdfast.tryAcquire(name)
                }
                #expect(error?.code == .refused)
                #expect(error?.localizedDescription.contains("one of its keys is in use") == true)
            }
            #expect(try await holdfast.lockStatus("a")?.holder.keyType == "list")
            #expect(try await holdfast.redis("LLEN", "t:{a}:lock").integer == 1)
            #expect(try await holdfast.redis("EXISTS", "t:{b}:lock").integer == 0)
        }
    }

    @Test("is listed with its holder, also when a client of another kind holds it")
    func inspection() async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try #require(try await holdfast.tryAcquire("a b").lease)
            #expect(
                try await eventually {
                    (1...120).contains(try await holdfast.redis("TTL", "t:{instances}").integer ?? -2)
                })
            try await holdfast.redis("SET", "t:{foreign}:lock", "token", "PX", "60000")
            try await holdfast.redis("SET", "t:{endless}:lock", "token")
            let locks = try await holdfast.locks()
            #expect(locks.map(\.name) == ["a b", "endless", "foreign"])
            #expect(locks[0].instance?.pid == holdfast.core.instance.pid)
            #expect(locks[0].holder.fencingToken == lease.fence)
            #expect(locks[1].holder.remaining == nil)
            #expect(locks[2].instance == nil)
            // What is no lock does not hide the others.
            try await holdfast.redis("RPUSH", "t:{list}:lock", "x")
            try await holdfast.redis("RPUSH", "t:{endless}:fence", "x")
            #expect(try await holdfast.locks().map(\.name) == ["a b", "endless", "foreign", "list"])
            #expect(try await holdfast.lockStatus("nobody's") == nil)
            try await lease.release()
        }
    }
}

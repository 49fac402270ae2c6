import CLimit
import Foundation
import Holdfast
import HoldfastTesting
import RedisLink

/// The queue as the benchmark sees it, which only sends.
struct MessageBacklog {
    let holdfast: Holdfast
    let store: QueueStore

    init(_ url: String) async throws {
        holdfast = try await Holdfast.benchmarked(url)
        store = try holdfast.store(ofQueue: MessageConsumer.queue)
    }

    func close() async { await holdfast.close() }

    /// How many messages are not committed.
    func count() async throws -> Int {
        Int(try await holdfast.core.link.send(["XLEN", .string(store.keys.stream)]).value.integer ?? 0)
    }

    /// Looks at the count again and again.
    func wait(pause: Duration = .milliseconds(2), until isReached: (Int) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while !isReached(try await count()) {
            guard .now < deadline else { throw BenchmarkError.child("the queue makes no progress") }
            try await Task.sleep(for: pause, tolerance: .zero)
        }
    }

    /// Removes everything: the claims of a process that is gone, and the ledger, so that it has the same
    /// length in each measurement.
    func empty() async throws {
        _ = try await holdfast.core.link.send(["FLUSHALL"], timeout: .seconds(30))
    }

    func refill(to count: Int) async throws {
        try await empty()
        for start in stride(from: 0, to: count, by: 500) {
            try await send((start..<min(start + 500, count)).map { Note(number: $0) })
        }
    }

    func send(_ notes: [Note]) async throws {
        let encoder = JSONEncoder()
        let messages = try notes.map { (id: "note-\($0.number)", body: [UInt8](try encoder.encode($0))) }
        _ = try await store.enqueue(messages, type: "")
    }

    /// How many messages plain C commits in a second.
    func limit(_ server: PrivateRedisServer, seconds: Double) -> Double {
        let socket = String(server.unixURL.dropFirst("redis+unix://".count))
        let keys = store.keys.forClaiming.map { UnsafePointer(strdup($0)) }
        defer { for key in keys { free(UnsafeMutableRawPointer(mutating: key)) } }
        return climit_messages(
            socket, seconds, Scripts.claim.source, Scripts.settle.source, keys, store.keys.wake)
    }
}

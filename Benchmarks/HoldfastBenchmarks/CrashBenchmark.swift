import Holdfast
import HoldfastTesting
import RedisLink

/// How long the lock of a killed holder stays idle after its lease: from the end of the lease at the server
/// until the next holder runs.
struct CrashBenchmark {
    private static let kills = 200
    private static let waiting = 4

    private let server: PrivateRedisServer

    init(server: PrivateRedisServer) {
        self.server = server
    }

    func run() async throws {
        let holdfast = try await Holdfast.benchmarked(server.unixURL)
        let (grants, continuation) = AsyncStream<(holder: Int32, running: Int64)>.makeStream()
        let delays = try await withThrowingTaskGroup(of: Void.self) { group in
            var processes: [Int32: BenchmarkProcess] = [:]
            func start() throws {
                let process = try BenchmarkProcess(["crash-holder", server.unixURL])
                processes[process.id] = process
                group.addTask { [id = process.id, lines = process.lines] in
                    for await line in lines {
                        if let running = Int64(line) { continuation.yield((id, running)) }
                    }
                }
            }
            for _ in 0...Self.waiting { try start() }

            var end: Int64?
            var delays: [Double] = []
            for await grant in grants {
                if let end { delays.append(Double(grant.running - end) / 1e6) }
                if delays.count == Self.kills { break }
                // Before its first renewal, or after it.
                try await Task.sleep(for: .milliseconds(Int.random(in: 0..<150)))
                processes.removeValue(forKey: grant.holder)?.kill()
                end = try await leaseEnd(holdfast)
                try start()
            }
            // The streams of the processes' lines end with them.
            processes.removeAll()
            return delays
        }
        Figure.print("crash.p50", Figure.median(delays), unit: "ms")
        Figure.print("crash.p99", Figure.percentile(0.99, of: delays), limit: 100, unit: "ms")
        Figure.print("crash.longest", delays.max() ?? 0, unit: "ms")
        Figure.print("crash.kills", Double(delays.count), limit: Double(Self.kills), unit: "kills")
        await holdfast.close()
    }

    /// When the lease of the dead holder ends according to the server, at most a millisecond early.
    private func leaseEnd(_ holdfast: Holdfast) async throws -> Int64 {
        // By then a renewal that the holder sent in its last moment has arrived.
        try await Task.sleep(for: .milliseconds(20))
        let asked = MonotonicClock.now()
        let reply = try await holdfast.core.link.send([
            "PTTL", .string(holdfast.core.keys.lock(CrashHolder.name)),
        ])
        guard let rest = reply.value.integer, rest > 0 else {
            throw BenchmarkError.child("the lease of a killed holder was over too early")
        }
        return asked + rest * 1_000_000
    }
}

/// A process that waits for the lock, reports when it has it, and keeps it until it is killed.
enum CrashHolder {
    static let name = "crash"

    static func run(_ url: String) async throws {
        let parent = ParentProcess()
        let holdfast = try await Holdfast.benchmarked(url)
        let lease = try await holdfast.acquire(name, lease: .milliseconds(300))
        parent.say("\(MonotonicClock.now())")
        _ = try await parent.line()
        try await lease.release()
    }
}

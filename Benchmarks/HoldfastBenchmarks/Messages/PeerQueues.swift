import Foundation
import HoldfastTesting

/// Job queues in Python with the same job, which does nothing. None of them promises exactly once: if a
/// worker dies before it can report that its job is done, each runs the job again, including its effects.
enum PeerQueues {
    private static let seconds = 2.0
    /// How many jobs each has to do: more than it can do during a measurement.
    private static let jobs = ["arq": 8000, "saq": 12_000, "streaq": 12_000, "rq": 2000]

    /// How long a peer's process may live, from its start on.
    private static let lifetime = Duration.seconds(40)

    /// If one fails, that is reported, and the others are measured.
    static func run(_ server: PrivateRedisServer) async throws {
        guard let python = ProcessInfo.processInfo.environment["HOLDFAST_BENCH_PYTHON"] else { return }
        let socket = String(server.unixURL.dropFirst("redis+unix://".count))
        for (library, count) in jobs.sorted(by: { $0.key < $1.key }) {
            for instances in [1, 4] {
                let name = "messages.\(library).\(instances)"
                do {
                    let rate = try await rate(of: instances, jobs: count) { words in
                        try BenchmarkProcess(
                            ["Benchmarks/Peers/worker.py", library, socket] + words, executable: python,
                            lifetime: lifetime)
                    }
                    Figure.print(name, rate, unit: "jobs/s")
                } catch {
                    Figure.print(name, failure: error)
                }
            }
        }
    }

    private static func rate(
        of instances: Int, jobs count: Int, _ start: ([String]) throws -> BenchmarkProcess
    ) async throws -> Double {
        try await start(["\(count)"]).line("enqueued")
        let processes = try (0..<instances).map { _ in try start([]) }
        defer { for process in processes { process.kill() } }
        for process in processes { try await process.line("working") }
        let (before, begin) = (try await done(processes), MonotonicClock.now())
        try await Task.sleep(for: .seconds(seconds))
        let (after, end) = (try await done(processes), MonotonicClock.now())
        guard after < count else { throw BenchmarkError.child("it ran out of jobs") }
        return Double(after - before) / Double(end - begin) * 1e9
    }

    private static func done(_ processes: [BenchmarkProcess]) async throws -> Int {
        for process in processes { try process.say("count") }
        var count = 0
        for process in processes { count += Int(try await process.line()) ?? 0 }
        return count
    }
}

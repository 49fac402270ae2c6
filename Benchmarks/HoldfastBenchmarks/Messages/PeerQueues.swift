import Foundation
import HoldfastTesting

/// Job queues in Python with the same job, which does nothing. None of them promises exactly once: each runs a job
/// again, effects included, whose worker died before it could say that the job is done.
enum PeerQueues {
    private static let seconds = 2.0
    /// What each has to do: more than it can in the time of a measurement.
    private static let jobs = ["arq": 8000, "saq": 12_000, "streaq": 12_000, "rq": 2000]

    static func run(_ server: PrivateRedisServer) async throws {
        guard let python = ProcessInfo.processInfo.environment["HOLDFAST_BENCH_PYTHON"] else { return }
        let socket = String(server.unixURL.dropFirst("redis+unix://".count))
        func start(_ arguments: String...) throws -> BenchmarkProcess {
            try BenchmarkProcess(["Benchmarks/Peers/worker.py"] + arguments, executable: python)
        }
        for (library, count) in jobs.sorted(by: { $0.key < $1.key }) {
            for instances in [1, 4] {
                try await start(library, socket, "\(count)").line("enqueued")
                let processes = try (0..<instances).map { _ in try start(library, socket) }
                for process in processes { try await process.line("working") }
                let (before, begin) = (try await done(processes), MonotonicClock.now())
                try await Task.sleep(for: .seconds(seconds))
                let (after, end) = (try await done(processes), MonotonicClock.now())
                for process in processes { process.kill() }
                guard after < count else { throw BenchmarkError.child("\(library) ran out of jobs") }
                Figure.print(
                    "messages.\(library).\(instances)", Double(after - before) / Double(end - begin) * 1e9,
                    unit: "jobs/s")
            }
        }
    }

    private static func done(_ processes: [BenchmarkProcess]) async throws -> Int {
        for process in processes { try process.say("count") }
        var count = 0
        for process in processes { count += Int(try await process.line()) ?? 0 }
        return count
    }
}

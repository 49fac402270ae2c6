import CLimit
import Foundation
import Holdfast
import HoldfastTesting
import RedisLink

/// The hand-off of a lock between processes: from just before the release is sent until the next holder runs.
struct HandoffBenchmark {
    private static let rounds = 3
    /// How long a round of one library takes.
    private static let seconds: Int64 = 4
    private static let warmUp = 100
    private static let crowd = 8
    private static let pings = 10_000

    /// What is measured, by the name of its figures.
    private enum Library: String, CaseIterable {
        case holdfast = "handoff"
        /// Like `holdfast`, after two milliseconds in which everything sleeps.
        case rested = "handoff.rested"
        /// Plain C with Holdfast's scripts, and with the shortest that will do.
        case c = "handoff.c"
        case shortest = "handoff.c.shortest"
        case pythonRedisLock = "handoff.python-redis-lock"
        case redisPy = "handoff.redis-py"

        /// Its name in `Benchmarks/Peers/holder.py`; nil if it is not a peer.
        var peer: String? {
            [.pythonRedisLock, .redisPy].contains(self) ? String(rawValue.dropFirst("handoff.".count)) : nil
        }
    }

    private let server: PrivateRedisServer
    private var socket: String { String(server.unixURL.dropFirst("redis+unix://".count)) }

    init(server: PrivateRedisServer) {
        self.server = server
    }

    func run() async throws {
        try await measureTimes()
        try await measureOrder()
    }

    /// Two processes alternate. Ours, C's and the peers' in turn, so that a change in the machine's speed
    /// affects all.
    private func measureTimes() async throws {
        let python = ProcessInfo.processInfo.environment["HOLDFAST_BENCH_PYTHON"]
        let libraries = Library.allCases.filter { python != nil || $0.peer == nil }
        var linkPing = Figure("handoff.link.ping", unit: "us")
        var p50 = libraries.map { Figure("\($0.rawValue).p50", unit: "us") }
        var p99 = libraries.map { Figure("\($0.rawValue).p99", unit: "us") }
        var crossings = libraries.map { _ in [Double]() }
        var failures = [Int: any Error]()
        var count = 0
        for _ in 0..<Self.rounds {
            // Before the others begin, with nothing else under way.
            let ping = Figure.median(try pingsInC())
            linkPing.add(value: Figure.median(try await pingsByLink()), limit: ping)
            for (index, library) in libraries.enumerated() where failures[index] == nil {
                let holds: Holds
                do {
                    holds = try await self.holds(of: library, python)
                } catch  where library.peer != nil {
                    failures[index] = error
                    continue
                }
                if library == .holdfast { count += holds.handoffs.count }
                crossings[index].append(holds.crossings)
                guard !holds.handoffs.isEmpty else { continue }
                p50[index].add(value: Figure.median(holds.handoffs), limit: ping)
                p99[index].add(value: Figure.percentile(0.99, of: holds.handoffs), limit: ping)
            }
        }
        linkPing.print()
        for (index, library) in libraries.enumerated() {
            if let failure = failures[index] {
                Figure.print(library.rawValue, failure: failure)
                continue
            }
            p50[index].print()
            p99[index].print()
            Figure.print(
                "\(library.rawValue).crossings", Figure.median(crossings[index]), limit: 1, unit: "share")
        }
        Figure.print("handoff.count", Double(count), limit: 2000, unit: "hand-offs")
    }

    private func pingsInC() throws -> [Double] {
        var took = [Double](repeating: 0, count: Self.pings)
        guard climit_pings(socket, Int32(took.count), &took) != 0 else { throw BenchmarkError.limit }
        return took
    }

    private func pingsByLink() async throws -> [Double] {
        let holdfast = try await Holdfast.benchmarked(server.unixURL)
        var took: [Double] = []
        try await withTaskExecutorPreference(holdfast.executor) {
            for _ in 0..<Self.pings {
                let asked = MonotonicClock.now()
                _ = try await holdfast.core.link.send(["PING"])
                took.append(Double(MonotonicClock.now() - asked) / 1000)
            }
        }
        await holdfast.close()
        return took
    }

    private func holds(of library: Library, _ python: String?) async throws -> Holds {
        var instances = ["1", "2"].map { String(repeating: $0, count: 16) }
        return try await holds(of: 2) {
            switch library {
            case .holdfast: try BenchmarkProcess(["handoff-holder", server.unixURL, "short"])
            case .rested: try BenchmarkProcess(["handoff-holder", server.unixURL, "rested"])
            case .c, .shortest:
                try BenchmarkProcess(
                    ["handoff-holder-in-c", server.unixURL, instances.removeLast(), "\(library)"])
            case .pythonRedisLock, .redisPy:
                try BenchmarkProcess(
                    ["Benchmarks/Peers/holder.py", library.peer!, socket], executable: python,
                    lifetime: .seconds(20))
            }
        }
    }

    /// Eight processes wait for each other.
    private func measureOrder() async throws {
        let holds = try await holds(of: Self.crowd) {
            try BenchmarkProcess(["handoff-holder", server.unixURL, "order"])
        }
        Figure.print("handoff.order.violations", Double(holds.violations), limit: 0, unit: "hand-offs")
        Figure.print("handoff.order.count", Double(holds.holds.count - 1), unit: "hand-offs")
        Figure.print("handoff.shares", holds.shares(processes: Self.crowd), limit: 1, unit: "min/max")
    }

    /// Starts `count` holders, lets them run for a round, and collects what they report.
    private func holds(of count: Int, _ start: () throws -> BenchmarkProcess) async throws -> Holds {
        let processes = try (0..<count).map { _ in try start() }
        for process in processes { try await process.line("ready") }
        let end = MonotonicClock.now() + Self.seconds * 1_000_000_000
        for process in processes { try process.say("\(end)") }
        var holds: [Hold] = []
        for (index, process) in processes.enumerated() {
            holds += try await process.records().compactMap { Hold($0, process: index) }
        }
        // The last ones found nobody waiting any more.
        return Holds(holds.filter { $0.released < end }, warmUp: Self.warmUp)
    }
}

import Foundation
import HoldfastTesting

/// The hand-off of a lock between processes: from just before the release is sent until the next holder runs.
struct HandoffBenchmark {
    private static let rounds = 3
    /// How long a round of one library takes.
    private static let seconds: Int64 = 5
    private static let warmUp = 100
    private static let crowd = 8

    private let server: PrivateRedisServer

    init(server: PrivateRedisServer) {
        self.server = server
    }

    func run() async throws {
        try await measureTimes()
        try await measureOrder()
    }

    /// Two processes alternate. Ours, C's and the peers' in turn, so that a change of the machine's speed meets all.
    private func measureTimes() async throws {
        let python = ProcessInfo.processInfo.environment["HOLDFAST_BENCH_PYTHON"]
        let peers = python == nil ? [] : ["python-redis-lock", "redis-py"]
        let names = ["handoff", "handoff.c"] + peers.map { "handoff.\($0)" }
        var pings = ["handoff.ping", "handoff.c.ping"].map { Figure($0, unit: "us") }
        var p50 = names.map { Figure("\($0).p50", unit: "us") }
        var p99 = names.map { Figure("\($0).p99", unit: "us") }
        var crossings = names.map { _ in [Double]() }
        var count = 0
        for _ in 0..<Self.rounds {
            let ours = try await holds(of: 2) {
                try BenchmarkProcess(["handoff-holder", server.unixURL, "timing"])
            }
            count += ours.handoffs.count
            let limit = Figure.median(ours.pings)
            for index in names.indices {
                let holds =
                    switch index {
                    case 0: ours
                    case 1: try await holdsInC()
                    default: try await self.holds(of: 2) { try peer(names[index], python) }
                    }
                if index < pings.count { pings[index].add(value: Figure.median(holds.pings), limit: limit) }
                crossings[index].append(holds.crossings)
                guard !holds.handoffs.isEmpty else { continue }
                p50[index].add(value: Figure.median(holds.handoffs), limit: limit)
                p99[index].add(value: Figure.percentile(0.99, of: holds.handoffs), limit: limit)
            }
        }
        for ping in pings { ping.print() }
        for index in names.indices {
            p50[index].print()
            p99[index].print()
            Figure.print(
                "\(names[index]).crossings", Figure.median(crossings[index]), limit: 1, unit: "share")
        }
        Figure.print("handoff.count", Double(count), limit: 2000, unit: "hand-offs")
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

    private func peer(_ name: String, _ python: String?) throws -> BenchmarkProcess {
        let socket = String(server.unixURL.dropFirst("redis+unix://".count))
        let peer = String(name.dropFirst("handoff.".count))
        return try BenchmarkProcess(["Benchmarks/Peers/holder.py", peer, socket], executable: python)
    }

    private func holdsInC() async throws -> Holds {
        var instances = ["1", "2"].map { String(repeating: $0, count: 16) }
        return try await holds(of: 2) {
            try BenchmarkProcess(["handoff-holder-in-c", server.unixURL, instances.removeLast()])
        }
    }

    /// Starts so many holders, lets them run for a round, and takes what they tell.
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

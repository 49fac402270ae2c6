import CLimit
import Holdfast
import HoldfastTesting
import RedisLink

/// Messages from the claim to the commit with its ledger entry: how many in a second, how long from the
/// sending to the commit at half that rate, and how soon another instance has handled what a killed one had
/// claimed.
struct MessagesBenchmark {
    /// How the server keeps its data.
    enum Durability: String, CaseIterable {
        case off
        case everysec
        case always

        fileprivate var options: PrivateRedisServer.Options {
            switch self {
            case .off: .init()
            case .everysec: .init(appendOnly: true, appendFsync: .everySecond)
            case .always: .init(appendOnly: true, appendFsync: .always)
            }
        }
    }

    private static let rounds = 3
    private static let seconds = 1.0
    /// More than anything here handles during a measurement.
    private static let backlog = 200_000
    /// The first ones do not count.
    private static let warmUp = 10_000

    let server: PrivateRedisServer
    let queue: MessageBacklog
    let name: String

    /// - Parameter parts: durabilities, and `peers`; all if empty.
    static func run(_ parts: Set<String>) async throws {
        for durability in Durability.allCases where parts.isEmpty || parts.contains(durability.rawValue) {
            try await withPrivateRedisServer(durability.options) { server in
                let benchmark = MessagesBenchmark(
                    server: server, queue: try await MessageBacklog(server.unixURL),
                    name: "messages.\(durability.rawValue)")
                let rates = try await benchmark.measureRates()
                for (instances, rate) in rates {
                    try await benchmark.measureLatency(instances: instances, rate: rate / 2)
                }
                try await benchmark.measureRecovery()
                await benchmark.queue.close()
            }
        }
        if parts.isEmpty || parts.contains("peers") {
            try await withPrivateRedisServer { try await PeerQueues.run($0) }
        }
    }

    /// The limit, one instance and four in turn, so that a change in the machine's speed affects all.
    ///
    /// - Returns: the rates, by the number of instances.
    private func measureRates() async throws -> [(instances: Int, rate: Double)] {
        var figures = [1, 4].map { ($0, Figure("\(name).\($0)", unit: "messages/s")) }
        for _ in 0..<Self.rounds {
            try await queue.refill(to: Self.backlog)
            let limit = queue.limit(server, seconds: Self.seconds)
            guard limit > 0 else { throw BenchmarkError.limit }
            for index in figures.indices {
                try await queue.refill(to: Self.backlog)
                figures[index].1.add(value: try await rate(instances: figures[index].0), limit: limit)
            }
        }
        for (_, figure) in figures { figure.print() }
        return figures.map { ($0, Figure.median($1.rounds.map(\.value))) }
    }

    private func rate(instances: Int) async throws -> Double {
        let processes = try await start(instances)
        defer { for process in processes { process.kill() } }
        try await queue.wait { $0 <= Self.backlog - Self.warmUp }
        let (before, begin) = (try await queue.count(), MonotonicClock.now())
        try await Task.sleep(for: .seconds(Self.seconds))
        let (after, end) = (try await queue.count(), MonotonicClock.now())
        guard after > 0 else { throw BenchmarkError.child("the queue ran empty") }
        return Double(before - after) / Double(end - begin) * 1e9
    }

    func start(_ instances: Int, _ kind: MessageConsumer.Kind = .handling) async throws -> [BenchmarkProcess]
    {
        let processes = try (0..<instances).map { _ in
            try BenchmarkProcess(["message-consumer", server.unixURL, kind.rawValue])
        }
        for process in processes { try await process.line("ready") }
        return processes
    }
}

import Foundation
import Holdfast
import HoldfastTesting
import RedisLink

extension MessagesBenchmark {
    private static let loadSeconds = 3.5
    /// The first ones do not count.
    private static let warmUp = 0.5
    private static let interval = Duration.milliseconds(2)
    /// The latency of one message in this many is measured.
    private static let sampled = 10

    /// From the moment a message was due to be sent until another client sees its effect. The messages are
    /// sent by the clock, whatever happened to earlier ones, so those that wait while something stalls count,
    /// too.
    func measureLatency(instances: Int, rate: Double) async throws {
        try await queue.empty()
        let processes = try await start(instances)
        defer { for process in processes { process.kill() } }
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            group.addTask { try await effects() }
            try await send(rate: rate)
            try await queue.wait { $0 == 0 }
            // One more effect, which ends the watch.
            let key = RedisArgument.string(store.keys.effect(MessageConsumer.seen))
            _ = try await queue.holdfast.core.link.send(["RPUSH", key, "end"])
            return try await group.next() ?? []
        }
        guard !times.isEmpty else { throw BenchmarkError.child("no effect was seen") }
        let name = "\(name).\(instances).latency"
        Figure.print("\(name).load", rate, unit: "messages/s")
        for (suffix, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            Figure.print("\(name).\(suffix)", Figure.percentile(share, of: times), unit: "ms")
        }
        Figure.print("\(name).count", Double(times.count), unit: "messages")
    }

    private var store: QueueStore { queue.store }

    private func send(rate: Double) async throws {
        let begin = ContinuousClock.now
        let clock = MonotonicClock.now()
        let batch = rate * (Self.interval / .seconds(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            var sent = 0
            for step in 1...Int(.seconds(Self.loadSeconds) / Self.interval) {
                let due = Self.interval * step
                try await Task.sleep(until: begin + due, tolerance: .zero)
                let last = Int(Double(step) * batch)
                let time = due > .seconds(Self.warmUp) ? clock + Int64(due / .nanoseconds(1)) : nil
                let notes = (sent..<last).map {
                    Note(number: $0, sent: $0.isMultiple(of: Self.sampled) ? time : nil)
                }
                // Without waiting for the earlier ones: a server that flushes before each reply answers many
                // at once.
                group.addTask { try await queue.send(notes) }
                sent = last
            }
            try await group.waitForAll()
        }
    }

    /// Waits for the effects of the messages; returns how long each took until it was seen, in milliseconds.
    private func effects() async throws -> [Double] {
        // A connection of its own: other commands would wait behind the one that blocks.
        let watcher = try await Holdfast.benchmarked(server.unixURL)
        let key = RedisArgument.string(store.keys.effect(MessageConsumer.seen))
        var times: [Double] = []
        while true {
            let reply = try await watcher.core.link.send(["BLMPOP", "1", "1", key, "LEFT", "COUNT", "1000"])
            let now = MonotonicClock.now()
            for element in reply.value.array?.last?.array ?? [] {
                guard let sent = element.string.flatMap({ Int64($0) }) else {
                    await watcher.close()
                    return times
                }
                times.append(Double(now - sent) / 1e6)
            }
        }
    }
}

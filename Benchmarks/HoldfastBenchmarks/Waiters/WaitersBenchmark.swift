import Foundation
import Holdfast
import HoldfastTesting
import RedisLink

/// Ten thousand waiters in eight processes on one name: in which order they are served, what it costs in
/// commands and memory, and what happens to the others when some of them are cancelled.
struct WaitersBenchmark {
    private static let processes = 8
    private static let tasks = 1250
    private static let cancelled = 125
    private static let all = processes * tasks

    private let holdfast: Holdfast
    private let crowds: [BenchmarkProcess]

    static func run(_ server: PrivateRedisServer) async throws {
        let benchmark = WaitersBenchmark(
            holdfast: try await .benchmarked(server.unixURL),
            crowds: try (0..<processes).map { _ in try BenchmarkProcess(["waiting-crowd", server.unixURL]) })
        for crowd in benchmark.crowds { try await crowd.line("ready") }
        let task = try await measureTask(server)
        Figure.print("waiters.memory.task", task, unit: "bytes/task")
        try await benchmark.measureService(task: task)
        try await benchmark.measureCancellation()
        await benchmark.holdfast.close()
    }

    /// The part of a waiter's memory that any suspended task takes; in a process of its own, whose memory was
    /// not used before.
    private static func measureTask(_ server: PrivateRedisServer) async throws -> Double {
        let process = try BenchmarkProcess(["waiting-crowd", server.unixURL])
        try await process.line("ready")
        let before = try process.residentBytes
        try process.say("park \(tasks)")
        try await process.line("parked")
        return Double(try process.residentBytes - before) / Double(tasks)
    }

    /// - Parameter task: the bytes that a waiter's task takes apart from the waiting.
    private func measureService(task: Double) async throws {
        let name = "waiters"
        let lease = try await holdfast.acquire(name)
        let before = try await memory()
        let order = try await gather(name)
        let after = try await memory()
        Figure.print("waiters.queued", Double(order.count), limit: Double(Self.all), unit: "waiters")
        let waiters = Double(Self.all)
        let growth = Double(after.processes - before.processes) / waiters
        Figure.print("waiters.memory.process", growth - task, limit: 2048, unit: "bytes/waiter")
        Figure.print(
            "waiters.memory.server", Double(after.server - before.server) / waiters, limit: 2048,
            unit: "bytes/waiter")

        let calls = try await scriptCalls()
        let begin = ContinuousClock.now
        try await lease.release()
        let outcomes = try await outcomes(cancelling: 0)
        let time = (ContinuousClock.now - begin) / .seconds(1)
        let commands = try await scriptCalls() - calls
        Figure.print("waiters.served", Double(outcomes.served.count), limit: waiters, unit: "waiters")
        Figure.print(
            "waiters.order.violations", Double(outcomes.violations(of: order)), limit: 0, unit: "grants")
        Figure.print(
            "waiters.commands", Double(commands) / Double(max(1, outcomes.served.count)), limit: 4,
            unit: "commands/grant")
        Figure.print("waiters.grants", Double(outcomes.served.count) / time, unit: "grants/s")
    }

    /// Some are cancelled while the others are served.
    private func measureCancellation() async throws {
        let name = "waiters-cancelled"
        let lease = try await holdfast.acquire(name)
        let order = try await gather(name)
        try await lease.release()
        let outcomes = try await outcomes(cancelling: Self.cancelled)
        let asked = Double(Self.cancelled * Self.processes)
        Figure.print("waiters.cancelled", Double(outcomes.cancelled), limit: asked, unit: "waiters")
        Figure.print(
            "waiters.cancelled.skipped", Double(Self.all - outcomes.cancelled - outcomes.served.count),
            limit: 0, unit: "waiters")
        Figure.print(
            "waiters.cancelled.order.violations", Double(outcomes.violations(of: order)), limit: 0,
            unit: "grants")
        Figure.print("waiters.cancelled.leaked", Double(try await left(name)), limit: 0, unit: "entries")
    }

    /// Lets all of them wait, and takes the tokens in the order of the server's queue.
    private func gather(_ name: String) async throws -> [String] {
        for crowd in crowds { try crowd.say("wait \(name) \(Self.tasks)") }
        // If there is no queue, it never fills up.
        let deadline = ContinuousClock.now + .seconds(20)
        while try await holdfast.waiting(name) < Self.all && .now < deadline {
            try await Task.sleep(for: .milliseconds(100))
        }
        let tokens = try await holdfast.core.link.send(["ZRANGE", holdfast.waitersKey(name), "0", "-1"])
        return tokens.value.array?.compactMap(\.string) ?? []
    }

    private func outcomes(cancelling count: Int) async throws -> Outcomes {
        for crowd in crowds { try crowd.say("cancel \(count)") }
        var outcomes = Outcomes()
        for crowd in crowds { try await outcomes.add(crowd.records()) }
        return outcomes
    }

    /// What is left of the name when everything is over: waiters, and a lock that nobody holds. The last
    /// release may still be under way if its waiter was cancelled.
    private func left(_ name: String) async throws -> Int64 {
        let deadline = ContinuousClock.now + .seconds(2)
        while true {
            let waiting = try await holdfast.waiting(name)
            let lock = try await holdfast.core.link.send(["EXISTS", .string(holdfast.core.keys.lock(name))])
            let left = waiting + (lock.value.integer ?? 0)
            if left == 0 || .now > deadline { return left }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func memory() async throws -> (processes: Int, server: Int) {
        let server = try await holdfast.info("memory")["used_memory"].flatMap { Int($0) } ?? 0
        return (try crowds.reduce(0) { $0 + (try $1.residentBytes) }, server)
    }

    /// How many scripts clients called: locks send nothing else.
    private func scriptCalls() async throws -> Int {
        let calls = try await holdfast.calls()
        return (calls["evalsha"] ?? 0) + (calls["eval"] ?? 0)
    }
}

/// The outcomes of all waiters.
private struct Outcomes {
    private(set) var served: [(running: Int64, token: String)] = []
    private(set) var cancelled = 0

    mutating func add(_ records: [[String]]) {
        for words in records {
            if words.count == 3, words[0] == "served", let running = Int64(words[1]) {
                served.append((running, words[2]))
            } else if words == ["cancelled"] {
                cancelled += 1
            } else {
                FileHandle.standardError.write(Data((words.joined(separator: " ") + "\n").utf8))
            }
        }
    }

    /// How often a waiter was served that was ahead of the one served just before it, or was not in the
    /// queue.
    func violations(of order: [String]) -> Int {
        let places = Dictionary(zip(order, order.indices)) { first, _ in first }
        let run = served.sorted { $0.running < $1.running }.filter { $0.token != WaitingCrowd.unasked }
            .map { places[$0.token] }
        return zip(run, run.dropFirst()).count { before, after in
            guard let before, let after else { return true }
            return after < before
        }
    }
}

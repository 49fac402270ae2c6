import CLimit
import Holdfast
import HoldfastTesting
import Logging
import RedisLink

/// Lock cycles, acquire and release, each task on a name of its own: bare commands over the link, and the
/// public API, compared with the same commands in C.
struct LockBenchmark {
    private enum Kind: String {
        /// The two bare commands through RedisLink.
        case link
        case plain = "lock.plain"
        case fenced = "lock.fenced"
        /// The body of `withLock`, which runs as a child task beside a watch for the loss.
        case body = "lock.body"
    }

    private static let rounds = 5

    private let server: PrivateRedisServer
    private let holdfast: Holdfast
    private let socket: String
    /// The figures to measure; all if empty.
    private let wanted: Set<String>

    init(server: PrivateRedisServer, figures wanted: Set<String>) throws {
        self.server = server
        self.wanted = wanted
        socket = String(server.unixURL.dropFirst("redis+unix://".count))
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        holdfast = try Holdfast(redis: server.url, namespace: "bench", logger: logger)
    }

    func run() async throws {
        try await holdfast.connect()
        for (kind, tasks) in [
            (Kind.link, [1, 16, 64, 256]), (.plain, [1, 16, 64, 256]), (.fenced, [1, 256]),
            (.body, [1, 256]),
        ] {
            for count in tasks where wanted.isEmpty || wanted.contains("\(kind.rawValue).\(count)") {
                try await measure(kind, tasks: count).print()
            }
        }
        await holdfast.close()
    }

    /// In turn, so that a change in the machine's speed affects both.
    private func measure(_ kind: Kind, tasks: Int) async throws -> Figure {
        let cycles = tasks == 1 ? 10_000 : 60_000
        // One at a time, what counts is the time of a cycle; otherwise, how many there are in a second.
        var figure = Figure("\(kind.rawValue).\(tasks)", unit: tasks == 1 ? "us/cycle" : "cycles/s")
        func unit(_ seconds: Double) -> Double {
            tasks == 1 ? seconds / Double(cycles) * 1e6 : Double(cycles) / seconds
        }
        _ = try await ours(kind, tasks: tasks, cycles: cycles / 4)
        for _ in 0..<Self.rounds {
            let limit = limit(kind, tasks: tasks, cycles: cycles)
            guard limit > 0 else { throw BenchmarkError.limit }
            let value = try await ours(kind, tasks: tasks, cycles: cycles)
            figure.add(value: unit(value), limit: unit(limit))
        }
        return figure
    }

    private func limit(_ kind: Kind, tasks: Int, cycles: Int) -> Double {
        let acquire = kind == .fenced || kind == .body ? Scripts.acquire.source : nil
        return climit_lock_cycles(socket, Int32(tasks), cycles, acquire, Scripts.release.source)
    }

    private func ours(_ kind: Kind, tasks: Int, cycles: Int) async throws -> Double {
        let begin = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                let share = cycles / tasks + (task < cycles % tasks ? 1 : 0)
                group.addTask(executorPreference: holdfast.executor) {
                    switch kind {
                    case .link: try await link(task, share)
                    case .plain: try await lock(task, share, fenced: false)
                    case .fenced: try await lock(task, share, fenced: true)
                    case .body: try await body(task, share)
                    }
                }
            }
            try await group.waitForAll()
        }
        return (ContinuousClock.now - begin) / .seconds(1)
    }

    private func link(_ task: Int, _ cycles: Int) async throws {
        let key = "bench:{link-\(task)}:lock"
        let (fence, waiters) = ("bench:{link-\(task)}:fence", "bench:{link-\(task)}:waiters")
        let text = "0123456789abcdef:0123456789abcdef0123456789\(100_000 + task)"
        let token = RedisArgument(text)
        let check = ReplyCheck.releasing(text)
        let link = holdfast.core.link
        for _ in 0..<cycles {
            let set = try await link.send(["SET", .string(key), token, "NX", "PX", "30000"])
            let release = try await link.evaluate(
                Scripts.release, keys: [key, fence, waiters],
                arguments: [token, "3000", "bench:wake:", "604800000"], check: check)
            guard set.value == .status("OK"), release.isYes else {
                throw BenchmarkError.refused
            }
        }
    }

    private func body(_ task: Int, _ cycles: Int) async throws {
        let name = "task-\(task)"
        for _ in 0..<cycles { try await holdfast.withLock(name) { try $0.check() } }
    }

    private func lock(_ task: Int, _ cycles: Int, fenced: Bool) async throws {
        let name = "task-\(task)"
        for _ in 0..<cycles {
            guard let lease = try await holdfast.tryAcquire(name, fenced: fenced).lease else {
                throw BenchmarkError.refused
            }
            try await lease.release()
        }
    }
}

enum BenchmarkError: Error, CustomStringConvertible {
    case limit
    case refused
    /// A process of the benchmark did not do what it was started for.
    case child(String)

    var description: String {
        switch self {
        case .limit: "plain C could not be measured"
        case .refused: "a lock was refused"
        case .child(let reason): reason
        }
    }
}

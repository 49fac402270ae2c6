import Holdfast
import RedisLink
import Synchronization

/// A process in which many tasks wait for one name at the same time.
///
/// Each releases the lock as soon as it has it. At `wait <name> <tasks>` the process begins; at `cancel
/// <tasks>` it cancels that many of them at random, and then reports the outcome of each. At `park <tasks>`
/// its tasks wait for nothing, until the next line.
final class WaitingCrowd: Sendable {
    /// Stands for the token of a waiter that could not ask for it.
    static let unasked = "-"

    /// When the task got the lock, and its token at the server; nil when it was cancelled.
    private typealias Waiter = Task<String?, any Error>

    private let holdfast: Holdfast
    private let parent = ParentProcess()
    private let waiting = Mutex(Set<Int>())
    private let parked = Mutex<[UnsafeContinuation<Void, Never>]>([])

    private init(holdfast: Holdfast) { self.holdfast = holdfast }

    static func run(_ url: String) async throws {
        let crowd = WaitingCrowd(holdfast: try await .benchmarked(url))
        try await crowd.warmUp()
        crowd.parent.say("ready")
        while true {
            let words = try await crowd.parent.line().split(separator: " ")
            switch (words.first, words.last.flatMap { Int($0) }) {
            case ("park", let tasks?): try await crowd.park(tasks: tasks)
            case ("wait", let tasks?): try await crowd.wait(for: String(words[1]), tasks: tasks)
            default: return await crowd.holdfast.close()
            }
        }
    }

    /// What the first waiter of a process creates, such as the connection for messages, does not count as a
    /// waiter's memory.
    private func warmUp() async throws {
        let name = "warm-up-\(holdfast.core.instance.id)"
        let lease = try await holdfast.acquire(name)
        do {
            try await holdfast.acquire(name, waitingAtMost: .milliseconds(100)).release()
        } catch let error as HoldfastError where error.code == .notAcquired {}
        try await lease.release()
    }

    private func wait(for name: String, tasks: Int) async throws {
        waiting.withLock { $0 = Set(0..<tasks) }
        // Tasks outside a group, since a single task of a group cannot be cancelled. Each is awaited below.
        let waiters = (0..<tasks).map { index in
            Waiter { try await self.waiter(index, name) }
        }
        let order = try await parent.line().split(separator: " ")
        try await cancel(order.last.flatMap { Int($0) } ?? 0, of: waiters)

        var outcomes: [String] = []
        for waiter in waiters {
            switch await waiter.result {
            case .success(let served?): outcomes.append("served \(served)")
            case .success(nil): outcomes.append("cancelled")
            case .failure(let error): outcomes.append("failed \(error)")
            }
        }
        parent.say(outcomes + ["end"])
    }

    private func waiter(_ index: Int, _ name: String) async throws -> String? {
        defer { waiting.withLock { _ = $0.remove(index) } }
        do {
            return try await served(holdfast.acquire(name))
        } catch is CancellationError {
            return nil
        }
    }

    private func served(_ lease: Lease) async throws -> String {
        let running = MonotonicClock.now()
        // This task may have been cancelled in between; then it was served all the same, but can no longer
        // ask.
        let token = try? await holdfast.core.link.send(["GET", .string(holdfast.core.keys.lock(lease.name))])
        try await lease.release()
        return "\(running) \(token?.value.string ?? Self.unasked)"
    }

    /// Lets tasks wait for nothing at all, to measure what a task takes.
    private func park(tasks: Int) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<tasks {
                group.addTask {
                    await withUnsafeContinuation { continuation in
                        self.parked.withLock { $0.append(continuation) }
                    }
                }
            }
            while parked.withLock({ $0.count }) < tasks { await Task.yield() }
            parent.say("parked")
            _ = try await parent.line()
            for continuation in parked.withLock({ $0 }) { continuation.resume() }
        }
    }

    private func cancel(_ count: Int, of waiters: [Waiter]) async throws {
        for _ in 0..<count {
            guard let index = waiting.withLock({ $0.randomElement() }) else { return }
            waiting.withLock { _ = $0.remove(index) }
            waiters[index].cancel()
            // While grants continue.
            try await Task.sleep(for: .milliseconds(2), tolerance: .zero)
        }
    }
}

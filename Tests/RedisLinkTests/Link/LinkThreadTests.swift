import Foundation
import RedisLink
import Synchronization
import TestSupport
import Testing

@Suite("The link's thread")
struct LinkThreadTests {
    @Test("jobs run one at a time, in the order of each submitter: 40,000 from eight threads")
    func order() async throws {
        let thread = try LinkThread()
        defer { thread.stop() }
        let log = JobLog()
        await withTaskGroup { group in
            for submitter in 0..<8 {
                group.addTask {
                    for number in 0..<5000 {
                        thread.submit { log.record(submitter, number) }
                        if number % 64 == 0 { await Task.yield() }
                    }
                }
            }
        }
        try await eventually("all ran") { log.count == 40_000 }
        #expect(log.isInOrder)
        #expect(!log.hasOverlapped)
    }

    @Test("timers fire in the order of their times, and not when they were cancelled")
    func timers() async throws {
        let thread = try LinkThread()
        defer { thread.stop() }
        let fired = Mutex<[Int]>([])
        let record: @Sendable (Int) -> Void = { number in fired.withLock { $0.append(number) } }
        thread.submit {
            let now = ContinuousClock.now
            for number in [30, 10, 20, 5] {
                _ = thread.schedule(at: now + .milliseconds(number)) { record(number) }
            }
            thread.cancel(thread.schedule(at: now + .milliseconds(7)) { record(7) })
        }
        try await eventually("all fired") { fired.withLock { $0.count } == 4 }
        #expect(fired.withLock { $0 } == [5, 10, 20, 30])
    }

    @Test("a timer that is set by a borrowed turn wakes the thread in time")
    func timerOfSleepingThread() async throws {
        let thread = try LinkThread()
        defer { thread.stop() }
        for _ in 0..<50 {
            await withCheckedContinuation { continuation in
                thread.submit {
                    _ = thread.schedule(at: .now + .milliseconds(1)) { continuation.resume() }
                }
            }
        }
    }

    @Test("a thread that has ended keeps nothing for the timers it had")
    func timersAfterStop() async throws {
        let thread = try LinkThread()
        let kept = Mutex(WeakLocked())
        do {
            let object = Locked()
            kept.withLock { $0.object = object }
            thread.submit {
                _ = thread.schedule(at: .now + .seconds(3600)) { object.value.withLock { $0 += 1 } }
            }
        }
        thread.stop()
        try await eventually("it is let go") { kept.withLock { $0.object == nil } }
        // Until here the thread lives.
        thread.submit {}
    }

    @Test("jobs that come after the end are run all the same")
    func afterStop() async throws {
        let thread = try LinkThread()
        thread.stop()
        let count = Mutex(0)
        for _ in 0..<100 {
            thread.submit { count.withLock { $0 += 1 } }
        }
        try await eventually("all ran") { count.withLock { $0 } == 100 }
    }

    @Test("jobs that come in the very moment of the end are run all the same")
    func whileEnding() async throws {
        for round in 0..<4000 {
            let thread = try LinkThread()
            let count = Mutex(0)
            thread.stop()
            // The last one may meet the thread anywhere on its way to its end.
            let jobs = 1 + round % 64
            for _ in 0..<jobs { thread.submit { count.withLock { $0 += 1 } } }
            try await eventually("all ran, in round \(round)") { count.withLock { $0 } == jobs }
        }
    }

    @Test("a caller that takes a turn leaves the tasks that prefer the thread to the thread")
    func tasksOfOthers() async throws {
        let thread = try LinkThread()
        defer { thread.stop() }
        let executor = LinkTaskExecutor(thread)
        let lock = Locked()
        for round in 1...500 {
            // The task wants the lock that its maker, who takes a turn, still holds.
            let task = lock.value.withLock { _ in
                let task = Task(executorPreference: executor) { lock.value.withLock { $0 += 1 } }
                thread.submit {}
                return task
            }
            await task.value
            #expect(lock.value.withLock { $0 } == round)
        }
    }

    @Test("tasks that prefer the thread run after its end, too")
    func tasksAfterStop() async throws {
        for _ in 0..<100 {
            let thread = try LinkThread()
            let executor = LinkTaskExecutor(thread)
            let tasks = (0..<4).map { number in
                if number == 2 { thread.stop() }
                return Task(executorPreference: executor) {
                    await Task.yield()
                    return number
                }
            }
            for (number, task) in tasks.enumerated() {
                let value = await task.value
                #expect(value == number)
            }
        }
    }

    @Test("tasks that prefer the thread may be cancelled from elsewhere, before its end and after it")
    func cancelledTasks() async throws {
        for round in 0..<400 {
            let thread = try LinkThread()
            let executor = LinkTaskExecutor(thread)
            if round % 2 == 0 { thread.stop() }
            await withDiscardingTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask(executorPreference: executor) { try? await Task.sleep(for: .seconds(60)) }
                }
                await Task.yield()
                group.cancelAll()
            }
            thread.stop()
        }
    }

    /// A caller who takes a turn may hold the last reference there is, and lose it to the job that he runs.
    @Test("a thread lives as long as somebody takes a turn on it")
    func lifetime() async throws {
        let first = ThreadGate()
        let second = ThreadGate()
        weak let thread = try await abandonInTurn(first, second)
        #expect(thread != nil)
        second.open()
        try await eventually("it is gone with the turn") { thread == nil }
    }

    /// Leaves a thread without any owner while a task's turn on it goes on, behind `second`.
    private func abandonInTurn(_ first: ThreadGate, _ second: ThreadGate) async throws -> LinkThread {
        var thread = try LinkThread()
        thread.stop()
        try await eventually("its own thread has ended") { isKnownUniquelyReferenced(&thread) }
        let actor = Resident(thread: thread)
        let task = Task.detached { [actor] in await actor.pass(first) }
        try await eventually("the task's turn has begun") { first.isReached }
        thread.submit { second.pass() }
        first.open()
        await task.value
        try await eventually("the turn goes on") { second.isReached }
        return thread
    }
}

/// Where a thread waits for the test.
private final class ThreadGate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let reached = Atomic<Bool>(false)

    var isReached: Bool { reached.load(ordering: .acquiring) }

    func pass() {
        reached.store(true, ordering: .releasing)
        semaphore.wait()
    }

    func open() {
        semaphore.signal()
    }
}

private final class Locked: Sendable {
    let value = Mutex(0)
}

private struct WeakLocked {
    weak var object: Locked?
}

/// An actor on the link's thread.
private actor Resident {
    nonisolated let thread: LinkThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(thread: LinkThread) {
        self.thread = thread
    }

    func pass(_ gate: ThreadGate) {
        gate.pass()
    }
}

/// Which jobs ran, without a lock: that is the thread's part.
private final class JobLog: Sendable {
    private let running = Atomic<Int>(0)
    private let overlaps = Atomic<Int>(0)
    private let jobs = Mutex<[(submitter: Int, number: Int)]>([])

    func record(_ submitter: Int, _ number: Int) {
        if running.add(1, ordering: .acquiringAndReleasing).oldValue != 0 {
            overlaps.add(1, ordering: .relaxed)
        }
        jobs.withLock { $0.append((submitter, number)) }
        running.subtract(1, ordering: .acquiringAndReleasing)
    }

    var count: Int { jobs.withLock { $0.count } }
    var hasOverlapped: Bool { overlaps.load(ordering: .relaxed) > 0 }

    var isInOrder: Bool {
        jobs.withLock { jobs in
            var next: [Int: Int] = [:]
            return jobs.allSatisfy { job in
                defer { next[job.submitter, default: 0] += 1 }
                return job.number == next[job.submitter, default: 0]
            }
        }
    }
}

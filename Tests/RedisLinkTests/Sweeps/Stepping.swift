import Foundation
import RedisLink
import Synchronization
import TestSupport
import Testing

/// A task executor whose jobs run only when the test says so.
final class StepExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    var waiting: Int { jobs.withLock { $0.count } }

    /// Runs what waits, on the calling thread, until the task waits for somebody else.
    func step() {
        while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// Runs what waits, until `isDone` holds.
    func run(until isDone: @Sendable () -> Bool) async throws {
        try await eventually("the task ends") {
            step()
            return isDone()
        }
    }
}

/// Holds a link's thread inside a turn: jobs queue up behind, and nothing is read or written.
final class HeldThread: Sendable {
    private let release = DispatchSemaphore(value: 0)

    init(_ thread: LinkThread) async {
        let release = release
        await withCheckedContinuation { continuation in
            // On a thread of its own, for a sleeping link runs the job on its caller's.
            Thread.detachNewThread {
                thread.submit {
                    continuation.resume()
                    release.wait()
                }
            }
        }
    }

    func letGo() {
        release.signal()
    }
}

extension LinkThread {
    /// Runs `job` behind so many others, all of them in the turn that is under way.
    func submit(after jobs: Int, _ job: @escaping @Sendable () -> Void) {
        submit { jobs <= 1 ? job() : self.submit(after: jobs - 1, job) }
    }
}

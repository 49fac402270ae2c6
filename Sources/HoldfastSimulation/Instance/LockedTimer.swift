internal import Foundation
internal import Holdfast
internal import ServiceLifecycle

/// The wrong way to run a periodic worker, see ``Sabotage/lockedTimer``: every instance has its own timer,
/// and a lock keeps two from working at the same time. It does not keep them from working one after another:
/// when the first has released the lock, the timer of the second fires, for the same tick.
struct LockedTimer: Service {
    let holdfast: Holdfast
    let worker: SimulatedWorker

    func run() async throws {
        let period = Duration.milliseconds(worker.pace.tickPeriodMilliseconds)
        // Timers start with their process, so no two fire together.
        var due = ContinuousClock.now + period * Double.random(in: 0..<1)
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            try? await Task.sleep(until: due)
            // Nor do any two timers keep the same time.
            due += period * Double.random(in: 0.8..<1.2)
            guard let lease = try await holdfast.tryAcquire(worker.name).lease else { continue }
            try await worker.run(currentTick, fence: lease.fence?.rawValue ?? 0) { lease.isHeld }
            try? await lease.release()
        }
    }

    private var currentTick: String {
        let period = worker.pace.tickPeriodMilliseconds
        return "\(worker.name)@\(Int(Date().timeIntervalSince1970 * 1000) / period * period)"
    }
}

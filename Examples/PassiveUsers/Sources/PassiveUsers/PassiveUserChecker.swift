import Foundation
import Holdfast

/// Marks the users as passive who have not logged in for thirty days.
///
/// Every instance adds this worker, and each tick is run by one of them. If that one dies, the tick is begun again by
/// another; the inbox lets its effect happen once all the same, and the fence keeps out a run that comes too late.
struct PassiveUserChecker: PeriodicWorker {
    let name = "passive-user-checker"
    let store: UserStore
    let settings: Settings
    let inactivity: TimeInterval = 30 * 86_400

    var schedule: Schedule { .every(settings.period) }
    var lease: Duration { settings.lease }
    var options: WorkerOptions { WorkerOptions(afterCrash: .runAgain(attempts: 5)) }

    func run(_ tick: Tick) async throws {
        tick.logger.info("Setting the status of inactive users, attempt \(tick.attempt)")
        try await Task.sleep(for: settings.slowness)
        // Since the instant of the tick, and not since now: so each attempt at it means the same users.
        let limit = tick.nominal.addingTimeInterval(-inactivity)
        let check = UserStore.Check(
            tick: tick.id, due: tick.nominal, attempt: tick.attempt, instance: settings.instance)
        try await tick.commit(in: store.inbox) { database in
            try UserStore.markPassive(notLoggedInSince: limit, check, database)
        }
        tick.logger.info("Set the status of inactive users")
    }
}

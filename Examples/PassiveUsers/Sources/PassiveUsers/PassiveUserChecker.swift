import Foundation
import Holdfast

/// Marks users who have not logged in for thirty days as passive.
///
/// Every instance adds this worker, and each tick runs on one of them. If that one dies, another begins the
/// tick again; thanks to the inbox its effect still happens only once, and the fence keeps out a run that
/// comes too late.
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
        // Counted from the instant of the tick, not from now: so each attempt at it means the same users.
        let limit = tick.nominal.addingTimeInterval(-inactivity)
        let check = UserStore.Check(
            tick: tick.id, due: tick.nominal, attempt: tick.attempt, instance: settings.instance)
        try await tick.commit(in: store.inbox) { database in
            try UserStore.markPassive(notLoggedInSince: limit, check, database)
        }
        tick.logger.info("Set the status of inactive users")
    }
}

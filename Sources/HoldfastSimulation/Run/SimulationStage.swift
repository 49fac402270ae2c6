internal import Foundation
internal import Holdfast

/// The part of a run from the start of the processes to their end.
struct SimulationStage: Sendable {
    static let queue = "messages"

    let request: SimulationRequest
    let workspace: Workspace
    let server: SimulationServer
    let holdfast: Holdfast
    let report: @Sendable (SimulationEvent) -> Void

    /// Plays the plan and returns all that was observed. Ends the processes in any case.
    func play(until deadline: ContinuousClock.Instant) async throws -> Observations {
        let ledger = try EffectLedger(path: workspace.ledger)
        var fleet = Fleet(request, workspace)
        var nemesis = Nemesis(request.plan, lease: request.lease, report: report)
        let isInTime: Bool
        do {
            isInTime = try await drive(&fleet, &nemesis, ledger, until: deadline)
        } catch {
            await Self.abandon(fleet)
            throw error
        }
        report(.stage(.stopping))
        await fleet.stop(within: .seconds(20))
        try failIfInstancesFail(fleet)

        report(.stage(.checking))
        let results = RunResults(holdfast: holdfast, queue: Self.queue)
        return Observations(
            plan: request.plan, messages: request.messages.messages, ledger: try await ledger.contents(),
            redis: try await results.effects(), leftovers: try await results.leftovers(),
            history: try workspace.history(), strikes: nemesis.strikes, endings: fleet.endings,
            leaseInNanoseconds: request.lease.wholeNanoseconds, deadlinePassed: !isInTime)
    }

    /// - Returns: Whether all work was done before the deadline.
    private func drive(
        _ fleet: inout Fleet, _ nemesis: inout Nemesis, _ ledger: EffectLedger,
        until deadline: ContinuousClock.Instant
    ) async throws -> Bool {
        report(.stage(.startingInstances))
        while !fleet.allAreUp {
            try fleet.fill()
            fleet.update(upPIDs: try await ledger.progress().upPIDs)
            try failIfInstancesFail(fleet)
            guard ContinuousClock.now < deadline else {
                throw SimulationError(.instancesFailed, "the instances did not come up before the deadline")
            }
            try await Task.sleep(for: Self.pollInterval)
        }

        report(.stage(.working))
        var watch = ServerWatch(server, holdfast)
        let feeder = Feeder(request.messages.messages, to: try holdfast.store(ofQueue: Self.queue))
        // A feeder that fails for good cancels the loop, and with it the run.
        return try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await feeder.run() }
            defer { group.cancelAll() }
            while ContinuousClock.now < deadline, !group.isCancelled {
                try await watch.look()
                if try await step(&fleet, &nemesis, ledger, feeder) { return true }
                try await Task.sleep(for: Self.pollInterval)
            }
            try Task.checkCancellation()
            return false
        }
    }

    /// - Returns: Whether everything is done.
    private func step(
        _ fleet: inout Fleet, _ nemesis: inout Nemesis, _ ledger: EffectLedger, _ feeder: Feeder
    ) async throws -> Bool {
        let total = request.messages.messages.count
        let progress = try await ledger.progress()
        fleet.update(upPIDs: progress.upPIDs)
        try await nemesis.step(
            Double(progress.effects) / Double(total), tickRunner: progress.tickRunner, &fleet, server)
        try failIfInstancesFail(fleet)
        try fleet.fill()
        feeder.allow(nemesis.feedLimit(total: total, margin: feedMargin))
        report(
            .progress(
                SimulationProgress(
                    done: progress.effects, total: total, up: fleet.healthySlots.count,
                    paused: fleet.pausedCount,
                    faultsPending: nemesis.pendingCount)))
        guard feeder.isDone, nemesis.isDone, fleet.allAreUp else { return false }
        do {
            return try await RunResults(holdfast: holdfast, queue: Self.queue).queueIsEmpty()
        } catch let error as HoldfastError where error.isWorthARepetition {
            return false
        }
    }

    /// Enough that all instances still have work when the next fault strikes, even if they are faster than we
    /// poll.
    private var feedMargin: Int {
        4 * request.instances * request.pace.concurrency
    }

    /// Instances that fail again and again would fail forever.
    private func failIfInstancesFail(_ fleet: Fleet) throws {
        if let failure = fleet.harnessFailure { throw SimulationError(.machineFailed, failure) }
        let fallen = fleet.endings.filter { $0.cause == .byItself }
        guard fallen.count > request.instances, let last = fallen.last else { return }
        throw SimulationError(
            .instancesFailed,
            "instances keep ending by themselves; the last one said: \(last.lastWords ?? "")")
    }

    private static func abandon(_ fleet: Fleet) async {
        await finishingDespiteCancellation {
            var fleet = fleet
            await fleet.stop(within: .zero)
        }
    }

    private static let pollInterval = Duration.milliseconds(10)
}

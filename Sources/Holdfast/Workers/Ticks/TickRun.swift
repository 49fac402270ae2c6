import Foundation
import RedisLink
import Synchronization

/// Runs one claimed run to its end, and records that.
///
/// The work is a child task. It is cancelled when the lease is lost, when the run takes too long, when the grace
/// after a stop is over, and when the task is cancelled.
struct TickRun: Sendable {
    let worker: any PeriodicWorker
    let claim: TickClaim
    let run: ClaimedRun
    let token: String
    let sentAt: ContinuousClock.Instant
    /// When the answer that claimed it showed the server's clock at this.
    let serverTime: Int64
    let followsRuns: Bool
    let core: Core
    let stopping: StopSignal

    /// How the worker's own code ended.
    private struct Ended: Sendable {
        var outcome: RunOutcome
        var error: (any Error)?

        /// What the history tells of it.
        var detail: String {
            guard outcome == .failed, let error else { return "" }
            return "\(error)".prefix(utf8: WorkerRun.longestDetail)
        }
    }

    /// Returns when the end is recorded, or cannot be, and the lease is released.
    func callAsFunction() async {
        let lease = hold()
        let deadline = claim.options.maximumRun.map { sentAt + $0 }
        let tick = Tick(
            worker: worker.name, namespace: core.keys.namespace, run: run, deadline: deadline, lease: lease,
            logger: core.logger)
        // The process may have been stopped while the answer waited for it.
        guard lease.isHeld else { return report(Ended(outcome: .lost)) }
        let ended = Mutex(Ended(outcome: .lost))
        do {
            try await lease.whileHeld { lease in
                var end = await work(tick, lease)
                if let problem = await record(end, tick, lease) {
                    end = Ended(outcome: .lost, error: problem)
                }
                ended.withLock { [end] in $0 = end }
            }
        } catch {
            // If the lease was lost before the end was recorded, the outcome says so; after that it does not
            // matter.
            tell(.leaseEnded(error))
        }
        let end = ended.withLock { $0 }
        report(end)
        if isHandedBack(end.outcome) { await wakeOthers() }
    }

    private func hold() -> Lease {
        let kind = TickLease(
            key: claim.keys.locks[run.slot - 1], fenceKey: claim.keys.fence, isFirst: run.slot == 1)
        let leaseClaim = LeaseClaim(
            WorkerKeys.lockName(worker.name), kind, token: token, lease: LeaseTerm(claim.lease))
        return core.keeper.hold(leaseClaim, fence: run.fence, sentAt: sentAt)
    }

    private func work(_ tick: Tick, _ lease: Lease) async -> Ended {
        /// Which watch ended first, if one did.
        let cause = Mutex<RunOutcome?>(nil)
        return await withTaskGroup(of: Ended?.self) { group in
            group.addTask { [worker, clock = core.clock] in
                // What follows is ours.
                defer { clock.activities.become(.brief) }
                do {
                    try await worker.run(tick)
                    return Ended(outcome: .succeeded)
                } catch {
                    return Ended(outcome: .failed, error: error)
                }
            }
            group.addTask { @Sendable [stopping] in
                await stopping.untilGraceEnds()
                if !Task.isCancelled { cause.withLock { $0 = $0 ?? .stopped } }
                return nil
            }
            if let deadline = tick.deadline {
                group.addTask { @Sendable [clock = core.clock] in
                    await clock.sleep(untilEndAt: deadline)
                    if !Task.isCancelled { cause.withLock { $0 = $0 ?? .timedOut } }
                    return nil
                }
            }
            // The run ends the watches, a watch cancels the run.
            var end: Ended?
            for await ended in group {
                group.cancelAll()
                end = end ?? ended
                if end == nil { tell(.takesTooLong) }
            }
            guard var end else { preconditionFailure("a run ended without an outcome") }
            // What returned did its work, whatever else happened; what threw may have been cancelled.
            if end.outcome == .failed {
                let isStopped = lease.isHeld && Task.isCancelled
                end.outcome =
                    lease.isHeld ? cause.withLock { $0 } ?? (isStopped ? .stopped : .failed) : .lost
            }
            return end
        }
    }

    /// Whether another instance is to run it again.
    private func isHandedBack(_ outcome: RunOutcome) -> Bool {
        [.stopped, .lost].contains(outcome) && run.attempt < claim.options.afterCrash.attempts
    }

    /// Why the end could not be recorded, so that the run counts as lost; nil where it was.
    private func record(_ end: Ended, _ tick: Tick, _ lease: Lease) async -> HoldfastError? {
        var problem: HoldfastError
        do throws(RedisError) {
            let isRecorded = try await claim.finish(
                run, token: token, outcome: end.outcome, detail: end.detail,
                again: isHandedBack(end.outcome), followsRuns: followsRuns, isHeld: { lease.isHeld })
            if isRecorded { return nil }
            problem = HoldfastError(.lost, "the run \(tick.id) was not this instance's any more")
        } catch {
            tell(.recordingFailed(error))
            problem = HoldfastError(error, "recording the end of the run \(tick.id)")
            // It may have done its work: nobody begins it again before its lease has ended by itself.
            lease.leave()
        }
        problem.mayHaveHappened = true
        problem.underlying = end.error
        return problem
    }

    private func tell(_ event: TickEvent.Kind) {
        core.observers.tell(
            TickEvent(worker: worker.name, nominalMilliseconds: run.nominal, kind: event))
    }

    private func report(_ end: Ended) {
        let run = WorkerRun(
            worker: worker.name, nominalMilliseconds: run.nominal, era: run.era, isTriggered: run.isTriggered,
            attempt: run.attempt, began: Date(timeIntervalSince1970: Double(serverTime) / 1000),
            duration: core.clock.now - sentAt, outcome: end.outcome, detail: end.detail,
            host: core.instance.host,
            pid: core.instance.pid, instanceID: core.instance.id)
        tell(.ended(run, end.error))
    }

    private func wakeOthers() async {
        do throws(RedisError) {
            _ = try await core.link.send([
                "PUBLISH", .string(core.keys.workerChannel), .string(worker.name),
            ])
        } catch {
            // They find out when they look next.
            core.observers.tell(WorkerEvent(worker: worker.name, kind: .handingBackFailed(error)))
        }
    }
}

extension String {
    /// The beginning of the text, at most so many bytes, without a broken character.
    func prefix(utf8 count: Int) -> String {
        var end = utf8.index(startIndex, offsetBy: count, limitedBy: endIndex) ?? endIndex
        while end > startIndex, end.samePosition(in: self) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}

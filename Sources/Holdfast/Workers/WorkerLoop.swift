import Logging
import RedisLink

/// Waits for the ticks of one worker, claims them, and runs those it gets.
///
/// ``TickMachine`` decides; this only waits, calls Redis and runs.
final class WorkerLoop: HostedComponent {
    private let worker: any PeriodicWorker
    private let core: Core
    private let logger: Logger
    private let stopping: StopSignal

    init(_ worker: any PeriodicWorker, _ core: Core) {
        self.worker = worker
        self.core = core
        stopping = StopSignal(grace: core.configuration.stopDeadline)
        var logger = core.logger
        logger[metadataKey: "holdfast.worker"] = .string(worker.name)
        self.logger = logger
    }

    func stop() { stopping.stop() }

    func run() async throws {
        let claim = try TickClaim(worker: worker.name, lease: worker.lease, link: core.link, keys: core.keys)
        var machine = TickMachine(Timetable(worker.schedule, worker: worker.name))
        while !stopping.isStopping && !Task.isCancelled {
            do throws(RedisError) {
                switch machine.next(at: .now) {
                case .wait(let instant):
                    await stopping.sleep(until: instant)
                case .ask:
                    let reply = try await claim.ask()
                    machine.answered(reply.answer, nominal: nil, serverTime: reply.serverTime, at: .now)
                case .claim(let nominal, let cursor):
                    let token = core.instance.token()
                    let reply = try await claim.claim(nominal: nominal, cursor: cursor, token: token)
                    machine.answered(reply.answer, nominal: nominal, serverTime: reply.serverTime, at: .now)
                    if case .claimed(let fence) = reply.answer {
                        let lease = hold(claim, token: token, fence: fence, sentAt: reply.sentAt)
                        await runTick(nominal, lease)
                    }
                }
            } catch  where error.code == .closed {
                return
            } catch {
                logger.warning("asking for a tick failed, trying again: \(error)")
                machine.failed(refused: error.delivery == .refused, at: .now)
            }
        }
    }

    private func hold(
        _ claim: TickClaim, token: String, fence: FencingToken, sentAt: ContinuousClock.Instant
    ) -> Lease {
        let lockClaim = LockClaim(
            name: TickClaim.lockName(worker.name), key: claim.lockKey, fenceKey: claim.fenceKey,
            waitersKey: KeySpace.waiters(ofLock: claim.lockKey), token: token,
            lease: LeaseTerm(claim.lease))
        return core.keeper.hold(lockClaim, fence: fence, sentAt: sentAt)
    }

    /// Runs the tick to its end. It is cancelled when the lease is lost, when the task is cancelled, and when
    /// the grace after a stop is over. A claimed tick is run even if the stop comes first: nobody else will
    /// run it.
    private func runTick(_ nominal: Int64, _ lease: Lease) async {
        let tick = Tick(worker: worker.name, nominal: nominal, lease: lease, logger: logger)
        // The process may have been stopped while the answer waited for it.
        guard lease.isHeld else {
            tick.logger.warning("the tick is skipped: its lease was over before the run could begin")
            return
        }
        await withTaskGroup { group in
            group.addTask { [worker] in
                do {
                    try await lease.whileHeld(logger: tick.logger) { _ in try await worker.run(tick) }
                } catch {
                    tick.logger.error("the run failed: \(error)")
                }
            }
            group.addTask { [stopping] in
                await stopping.untilGraceEnds()
                if !Task.isCancelled {
                    tick.logger.warning("the run is cancelled: it took longer than the stop allows")
                }
            }
            // The run ends the watch, the end of the grace cancels the run.
            await group.next()
            group.cancelAll()
        }
    }
}

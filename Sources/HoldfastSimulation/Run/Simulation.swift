internal import Foundation
internal import Holdfast
internal import HoldfastTesting
package import Logging
internal import Processes

/// One run: starts everything, feeds the messages, lets the faults strike, drains, stops, and checks.
package struct Simulation: Sendable {
    private let request: SimulationRequest
    private let logger: Logger
    private let report: @Sendable (SimulationEvent) -> Void

    /// - Parameter report: called with each event of the run.
    package init(
        _ request: SimulationRequest, logger: Logger, report: @escaping @Sendable (SimulationEvent) -> Void
    ) {
        self.request = request
        self.logger = logger
        self.report = report
    }

    /// Runs to the end, or to the deadline, whose passing is part of the report.
    ///
    /// Leaves no process, no server and no key behind, however it ends, even by cancellation. The directory
    /// with the ledger, the histories and the logs stays if it was asked for or a check failed.
    ///
    /// - Throws: ``SimulationError`` if it could not be run; `CancellationError` if it was cancelled.
    package func run() async throws -> SimulationReport {
        do {
            return try await perform()
        } catch let error where error is RecordError || error is SystemError {
            throw SimulationError(.machineFailed, "\(error)")
        } catch let error as PrivateRedisServerError {
            throw SimulationError(.serverFailed, error.description)
        }
    }

    private func perform() async throws -> SimulationReport {
        let began = ContinuousClock.now
        let workspace = try Workspace(artifacts: request.artifacts)
        do {
            let run = try await observe(workspace, deadline: began + request.deadline)
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            var outcome = SimulationReport(run, instances: request.instances, seconds: seconds)
            if workspace.isKept || !outcome.holds {
                outcome.artifacts = workspace.path
            } else {
                workspace.remove()
            }
            return outcome
        } catch {
            if !workspace.isKept { workspace.remove() }
            throw error
        }
    }

    private func observe(_ workspace: Workspace, deadline: ContinuousClock.Instant) async throws
        -> Observations
    {
        report(.stage(request.redisURL == nil ? .startingServer : .connecting))
        let server = try await SimulationServer(
            url: request.redisURL, survivesKill: request.plan.count(.restartRedis) > 0)
        let holdfast = try Holdfast(redis: server.url, namespace: server.namespace, logger: logger)
        let result: Result<Observations, any Error>
        var hasKeys = false
        do {
            try await holdfast.connect()
            hasKeys = true
            try configuration(server, workspace).write(path: workspace.configuration)
            let stage = SimulationStage(
                request: request, workspace: workspace, server: server, holdfast: holdfast, report: report)
            result = .success(try await stage.play(until: deadline))
        } catch {
            result = .failure(error)
        }
        workspace.removeConfiguration()
        await finishingDespiteCancellation { [hasKeys] in
            do {
                try await server.cleanUp(with: hasKeys ? holdfast : nil)
            } catch {
                report(
                    .warning("the keys of this run, \(server.namespace):*, could not be removed: \(error)"))
            }
            await holdfast.close()
        }
        return try result.get()
    }

    private func configuration(_ server: SimulationServer, _ workspace: Workspace) -> InstanceConfiguration {
        InstanceConfiguration(
            redisURL: server.url, namespace: server.namespace, queue: SimulationStage.queue,
            ledgerPath: workspace.ledger, historyDirectory: workspace.histories, totals: request.totals,
            leaseMilliseconds: request.lease.wholeNanoseconds / 1_000_000, pace: request.pace,
            attempts: 20 + 2 * request.plan.faults.count, sabotage: request.sabotage)
    }
}

/// Does work that must be finished even in a cancelled task, such as cleaning up what was started.
func finishingDespiteCancellation(_ work: @escaping @Sendable () async -> Void) async {
    // A task of its own is not cancelled with the one that waits for it.
    await Task { await work() }.value
}

internal import Foundation
internal import Holdfast
internal import JSONLines
package import Logging
internal import Processes
internal import ServiceLifecycle

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// One instance of the simulated service, in a process of its own: the same code that a real service has
/// around its worker and its handler.
package enum SimulatedInstance {
    /// Runs until SIGTERM, which stops it gracefully, or until the process that started it is gone.
    package static func run(_ configuration: InstanceConfiguration, slot: Int, logger: Logger) async throws {
        try LifeLine.dieWithParent()
        try await endingWithoutRecords { try await simulate(configuration, slot: slot, logger: logger) }
    }

    private static func simulate(
        _ configuration: InstanceConfiguration, slot: Int, logger: Logger
    ) async throws {
        let signals = try CaughtSignals([SIGTERM])
        let author = Author(slot: slot, pid: ProcessInfo.processInfo.processIdentifier)
        let ledger = try EffectLedger(path: configuration.ledgerPath)
        let history = try HistoryFile(
            path: "\(configuration.historyDirectory)/\(author.slot)-\(author.pid).history")

        let holdfast = try client(configuration, logger: logger)
        let worker = SimulatedWorker(
            author: author, ledger: ledger, history: history, pace: configuration.pace,
            lease: configuration.lease, sabotage: configuration.sabotage)
        var services: [any Service] = [holdfast]
        if configuration.sabotage == .lockedTimer {
            services.append(LockedTimer(holdfast: holdfast, worker: worker))
        } else {
            holdfast.add(worker)
        }
        let consumer = SimulatedConsumer(
            author: author, ledger: ledger, history: history, totals: configuration.totals,
            pace: configuration.pace, holdfast: holdfast, sabotage: configuration.sabotage)
        var options = ConsumerOptions()
        options.concurrency = configuration.pace.concurrency
        options.lease = configuration.lease
        options.retry.attempts = configuration.attempts
        holdfast.handle(holdfast.queue(configuration.queue, of: JSONValue.self), options: options) {
            message, delivery in
            try await endingWithoutRecords { try await consumer.handle(message, delivery) }
        }

        try history.append(HistoryRecord(.instanceStart, author: author))
        try await ledger.register(author)
        try await serve(services, until: signals, logger: logger)
        try history.append(HistoryRecord(.instanceStop, author: author))
        try ledger.close()
    }

    /// Ends the process if a record can't be kept. Continuing would look like a service that breaks its
    /// promises.
    static func endingWithoutRecords<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch let error as RecordError {
            LastWords.end(error.description)
        }
    }

    private static func client(_ configuration: InstanceConfiguration, logger: Logger) throws -> Holdfast {
        var settings = Holdfast.Configuration()
        settings.lease = configuration.lease
        settings.stopDeadline = .seconds(10)
        settings.service = "simulation"
        return try Holdfast(
            redis: configuration.redisURL, namespace: configuration.namespace, configuration: settings,
            logger: logger)
    }

    private static func serve(
        _ services: [any Service], until signals: CaughtSignals, logger: Logger
    ) async throws {
        let group = ServiceGroup(configuration: .init(services: services, logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { for await _ in signals.stream() { await group.triggerGracefulShutdown() } }
            try await tasks.next()
            tasks.cancelAll()
        }
    }
}

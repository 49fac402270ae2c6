public import Logging
import RedisLink
public import ServiceLifecycle

/// Distributed locks, periodic workers and exactly-once messages for the instances of a service, on Redis.
///
/// ```swift
/// let holdfast = try Holdfast(redis: "redis://localhost", namespace: "billing", logger: logger)
/// try await holdfast.withLock("invoice-42", waitingAtMost: .seconds(5)) { lease in
///     try await ledger.append(entry, fence: lease.fencingToken)
/// }
/// ```
///
/// Locks and ``once(_:in:lease:retention:made:_:)`` work at once. Workers and queue handlers run inside
/// ``run()``, which makes the client a ServiceLifecycle `Service`.
public final class Holdfast: Service, Sendable {
    package let core: Core
    package let workers: WorkerHost
    package let consumers: ConsumerHost
    private let reminder: RunReminder
    /// What must live as long as this client: the in-memory Redis, if it uses one.
    private let kept: (any Sendable)?

    /// Prepares a client; nothing is connected before its first use.
    ///
    /// - Parameters:
    ///   - url: `redis://[user:password@]host[:port][/database]` or `redis+unix:///path[?db=number]`; with
    ///     `rediss://` the connection is encrypted, as `?ca=…&cert=…&key=…&server-name=…` specifies.
    ///   - namespace: the prefix of all keys. Services that must exclude each other share it.
    ///   - configuration: leases and limits.
    ///   - logger: where the client logs.
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/invalidArgument``. The message never repeats the URL.
    public convenience init(
        redis url: String, namespace: String = "holdfast", configuration: Configuration = Configuration(),
        logger: Logger
    ) throws {
        try self.init(
            redis: url, namespace: namespace, configuration: configuration, clock: .continuous, keeping: nil,
            logger: logger)
    }

    package init(
        redis url: String, namespace: String, configuration: Configuration, clock: LocalClock,
        keeping kept: (any Sendable)?, logger: Logger
    ) throws(HoldfastError) {
        self.kept = kept
        core = try Core(
            redis: url, namespace: namespace, configuration: configuration, clock: clock, logger: logger)
        workers = WorkerHost(core)
        consumers = ConsumerHost(core)
        reminder = RunReminder(clock: clock, thread: core.link.thread)
    }

    /// A worker or a handler was added: warns if nobody calls ``run()``.
    func remindOfRun() {
        reminder.begin { [weak self] in
            guard let self else { return }
            core.observers.tell(ClientEvent.isNotRun(contents: contents))
        }
    }

    /// What ``run()`` runs, for people.
    private var contents: String {
        func list(_ names: [String]) -> String {
            names.isEmpty ? "none" : names.map { $0.printable(limit: 100) }.joined(separator: ", ")
        }
        return "Queues: \(list(consumers.queues)); workers: \(list(workers.names))"
    }

    /// An executor for tasks that do little but use this client:
    /// `withTaskExecutorPreference(holdfast.executor)`.
    ///
    /// Such tasks run on the thread of the connection, which saves two changes of thread for each call. They
    /// must neither block nor compute for long: everything else that this client does waits for them,
    /// renewals included.
    public var executor: any TaskExecutor { core.link.taskExecutor }

    /// Connects now rather than on first use, so that a wrong address or password shows up at once.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/unavailable``, ``HoldfastError/Code/authenticationFailed``, or
    ///   ``HoldfastError/Code/invalidArgument`` where the files of a `rediss` URL cannot be used.
    public func connect() async throws {
        do throws(RedisError) {
            try await core.link.connect()
        } catch {
            throw HoldfastError(error, "connecting to Redis")
        }
    }

    /// Runs the workers and the queue handlers until a graceful shutdown or cancellation, then closes the
    /// client.
    ///
    /// Logs at level info what it is connected to and what it runs. A client that has workers or handlers and
    /// is not run within ten seconds logs a warning.
    ///
    /// At a graceful shutdown nothing new begins. Work under way may finish within
    /// ``Holdfast/Configuration/stopDeadline``, then it is cancelled.
    ///
    /// - Throws: before anything ran, ``HoldfastError/Code/unsuitableServer`` where the server evicts keys,
    ///   and ``HoldfastError/Code/invalidArgument`` for a worker or a handler whose name or settings cannot
    ///   be used. If such a worker or handler is added while the client runs, that is logged as an error and
    ///   the rest keeps running.
    public func run() async throws {
        core.beats.begin()
        reminder.end()
        do {
            try workers.begin()
            try consumers.begin()
            try await EvictionCheck(
                link: core.link, acceptsEviction: core.configuration.acceptsEviction,
                observers: core.observers
            ).run()
            if !Task.isCancelled, !Task.isShuttingDownGracefully {
                core.observers.tell(
                    ClientEvent.runs(
                        on: "\(core.link.configuration)", namespace: core.keys.prefix, contents: contents))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.workers.run() }
                group.addTask { try await self.consumers.run() }
                // The first error ends the other one too; `waitForAll` would keep waiting for it.
                for try await _ in group {}
            }
        } catch {
            await close()
            throw error
        }
        await close()
    }

    /// Like the end of the process: the connections go first, so that nothing can be given back.
    package func die() async {
        await core.link.close()
        consumers.giveUp()
        await close()
    }

    /// Releases whatever is still held, waits for releases in the background, and closes the connections.
    /// Every later call throws ``HoldfastError/Code/closed``.
    public func close() async {
        reminder.end()
        // Whatever still runs is stopped first: the timers that would wake it end with the connection.
        workers.stop()
        consumers.stop()
        await core.waiting.close()
        await core.keeper.close()
        await core.beats.close()
        await core.link.close()
    }
}

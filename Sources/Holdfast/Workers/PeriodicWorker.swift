/// Work that is done at regular times, by one of all the instances that run it.
///
/// ```swift
/// struct PassiveUserChecker: PeriodicWorker {
///     let name = "passive-user-checker"
///     let users: UserRepository
///     let schedule: Schedule = .every(.seconds(600))
///
///     func run(_ tick: Tick) async throws {
///         tick.logger.info("Setting status of inactive users")
///         try await users.deactivate(inactiveFor: .seconds(30 * 86_400), fence: tick.fencingToken)
///     }
/// }
/// holdfast.add(PassiveUserChecker(users: users))
/// ```
///
/// Every instance adds the worker. Each tick is begun by exactly one of them, and a run never overlaps another
/// run of the same worker, unless ``options`` say otherwise. If the instance that runs a tick dies, that tick is
/// not run again, unless ``options`` say otherwise; the next one starts once the lease of the dead run is over.
public protocol PeriodicWorker: Sendable {
    /// What the worker is called in Redis, the same in all instances and all versions: its identity. The name of
    /// its type unless set; a type that is renamed is then a new worker.
    var name: String { get }
    /// When its ticks are due.
    var schedule: Schedule { get }
    /// How long a run's claim outlives an instance that died; it is renewed while the run goes on. 100 ms to
    /// 24 h; 30 s unless set.
    var lease: Duration { get }
    /// What becomes of missed ticks, of runs whose instance died, and more.
    var options: WorkerOptions { get }

    /// Called in each instance before its first tick: for what the runs need. Until it has succeeded this
    /// instance claims no tick; other workers are not held up. What it throws is logged, and it is called again
    /// after a pause that grows from 1 s to 60 s. Its task is cancelled at the end of a graceful shutdown's
    /// deadline. Nothing unless set.
    func prepare() async throws

    /// Does the work of one tick.
    ///
    /// The task is cancelled when the lease of the run is lost, when it takes longer than
    /// ``WorkerOptions/maximumRun``, and at the end of a graceful shutdown's deadline. What it throws is logged,
    /// given to ``Holdfast/Configuration/runObserver`` and kept in the history, and the worker goes on with the next tick.
    func run(_ tick: Tick) async throws

    /// Called in each instance after its last run, if ``prepare()`` had succeeded, within the deadline of a
    /// graceful shutdown. Nothing unless set.
    func cleanUp() async
}

extension PeriodicWorker {
    /// The name of the type.
    public var name: String { String(describing: Self.self) }
    /// 30 s.
    public var lease: Duration { .seconds(30) }
    /// The defaults.
    public var options: WorkerOptions { WorkerOptions() }
    /// Does nothing.
    public func prepare() async throws {}
    /// Does nothing.
    public func cleanUp() async {}
}

/// A periodic worker made of a closure.
private struct AdHocWorker: PeriodicWorker {
    let name: String
    let schedule: Schedule
    let lease: Duration
    let options: WorkerOptions
    let body: @Sendable (Tick) async throws -> Void

    func run(_ tick: Tick) async throws { try await body(tick) }
}

extension Holdfast {
    /// Runs `worker` as long as this client runs, see ``run()``. It may be added before that, or while it
    /// runs. A worker of the same name in this client is stopped first; the new one begins when it has ended.
    ///
    /// A name, a lease or options that cannot be used make ``run()`` throw
    /// ``HoldfastError/Code/invalidArgument``; a worker that is added while the client runs is then logged as an
    /// error and not run.
    public func add(_ worker: some PeriodicWorker) {
        workers.add(worker)
        remindOfRun()
    }

    /// Runs a closure as a periodic worker: see ``add(_:)`` and ``PeriodicWorker``.
    public func add(
        worker name: String, _ schedule: Schedule, lease: Duration = .seconds(30),
        options: WorkerOptions = WorkerOptions(), _ body: @escaping @Sendable (Tick) async throws -> Void
    ) {
        add(AdHocWorker(name: name, schedule: schedule, lease: lease, options: options, body: body))
    }

    /// Stops a worker in this client, and returns when it has ended; other instances go on with it. A run under
    /// way may go on for ``Holdfast/Configuration/stopDeadline``, then it is cancelled. Not to be called by the worker's
    /// own run, which it would wait for. When the task is cancelled it returns sooner.
    ///
    /// - Returns: false where this client has no worker of that name.
    @discardableResult
    public func remove(worker name: String) async -> Bool {
        await workers.remove(name)
    }

    /// Whether this client runs a worker of that name, or will when it runs.
    public func contains(worker name: String) -> Bool {
        workers.contains(name)
    }
}

/// Work that is done at regular times by one of the instances that run it.
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
/// Every instance adds the worker. Exactly one of them begins each tick, and runs of the same worker never
/// overlap unless ``options`` say otherwise. If the instance that runs a tick dies, the tick is not run again
/// unless ``options`` say otherwise; the next one begins once the lease of the dead run has expired.
public protocol PeriodicWorker: Sendable {
    /// The worker's name in Redis, which is its identity: the same in all instances and all versions.
    /// Defaults to the name of its type; a type that is renamed is then a new worker.
    var name: String { get }
    /// When its ticks are due.
    var schedule: Schedule { get }
    /// How long a run's claim outlives an instance that died; it is renewed during the run. 100 ms to 24 h;
    /// defaults to 30 s.
    var lease: Duration { get }
    /// What happens to missed ticks, to runs whose instance died, and more.
    var options: WorkerOptions { get }

    /// Called in each instance before its first tick, to prepare what the runs need. Until it has succeeded,
    /// this instance claims no ticks of the worker; other workers are not held up. If it throws, the error is
    /// logged, and it is called again after a pause that grows from 1 s to 60 s. Its task is cancelled when
    /// the deadline of a graceful shutdown has passed. By default it does nothing.
    func prepare() async throws

    /// Does the work of one tick.
    ///
    /// The task is cancelled when the run's lease is lost, when it takes longer than
    /// ``WorkerOptions/maximumRun``, and when the deadline of a graceful shutdown has passed. An error that
    /// it throws is logged, passed to ``Holdfast/Configuration/runObserver`` and kept in the history, and the
    /// worker continues with the next tick.
    func run(_ tick: Tick) async throws

    /// Called in each instance after its last run if ``prepare()`` has succeeded, within the deadline of a
    /// graceful shutdown. By default it does nothing.
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
    /// Runs `worker` as long as this client runs; see ``run()``. It may be added before that or while the
    /// client runs. A worker of the same name in this client is stopped first, and the new one begins when it
    /// has ended.
    ///
    /// An invalid name, lease or option makes ``run()`` throw ``HoldfastError/Code/invalidArgument``; if the
    /// worker is added while the client runs, an error is logged and the worker does not run.
    public func add(_ worker: some PeriodicWorker) {
        workers.add(worker)
        remindOfRun()
    }

    /// Runs a closure as a periodic worker; see ``add(_:)`` and ``PeriodicWorker``.
    public func add(
        worker name: String, _ schedule: Schedule, lease: Duration = .seconds(30),
        options: WorkerOptions = WorkerOptions(), _ body: @escaping @Sendable (Tick) async throws -> Void
    ) {
        add(AdHocWorker(name: name, schedule: schedule, lease: lease, options: options, body: body))
    }

    /// Stops a worker in this client, and returns when it has ended; other instances keep running it. A run
    /// under way may continue for ``Holdfast/Configuration/stopDeadline``, then it is cancelled. Do not call
    /// this in the worker's own run: it would wait for itself. If the calling task is cancelled it returns
    /// sooner.
    ///
    /// - Returns: false if this client has no worker of that name.
    @discardableResult
    public func remove(worker name: String) async -> Bool {
        await workers.remove(name)
    }

    /// Whether this client runs a worker of that name, or will once it runs.
    public func contains(worker name: String) -> Bool {
        workers.contains(name)
    }
}

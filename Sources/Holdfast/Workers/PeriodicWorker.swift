/// Work that is done at regular times, by one of all the instances that run it.
///
/// ```swift
/// struct PassiveUserChecker: PeriodicWorker {
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
/// Every instance adds the worker. Each tick is run by exactly one of them, and a run never overlaps another
/// run of the same worker. If the instance that runs a tick dies, that tick is not run again; the next one
/// starts once the lease of the dead run is over.
public protocol PeriodicWorker: Sendable {
    /// What the worker is called in Redis, the same in all instances: its identity. The name of its type
    /// unless set.
    var name: String { get }
    /// When its ticks are due.
    var schedule: Schedule { get }
    /// How long a run's claim outlives an instance that died; it is renewed while the run goes on. 100 ms to
    /// 24 h; 30 s unless set.
    var lease: Duration { get }

    /// Does the work of one tick.
    ///
    /// The task is cancelled when the lease of the run is lost, and at the end of a graceful shutdown's
    /// deadline. What it throws is logged, and the worker goes on with the next tick.
    func run(_ tick: Tick) async throws
}

extension PeriodicWorker {
    public var name: String { String(describing: Self.self) }
    public var lease: Duration { .seconds(30) }
}

extension Holdfast {
    /// Runs `worker` as long as this client runs, see ``run()``. It may be added before that, or while it
    /// runs.
    ///
    /// A name, or a lease, that cannot be used makes ``run()`` throw ``HoldfastError/Code/invalidArgument``.
    public func add(_ worker: some PeriodicWorker) {
        workers.add(worker)
    }
}

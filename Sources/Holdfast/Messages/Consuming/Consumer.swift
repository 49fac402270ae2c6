internal import Logging
import RedisLink

/// Handles the messages of one queue: claims them, runs the handler for each, renews the claims meanwhile,
/// and settles what the handlers decided.
///
/// ``ConsumerState`` decides when to claim and to settle; each claim's ``LeaseState`` decides when to renew
/// it and when it is lost. This only moves bytes. It shares the executor of the command connection: the calls
/// are made and their replies taken without a hop, and renewals are not delayed by handlers that block
/// Swift's threads. Cancelling the task of ``run()`` does not reach that executor, so nothing that was
/// claimed is forgotten.
actor Consumer: LinkActor, HostedComponent {
    nonisolated var thread: LinkThread { link.thread }
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    let link: RedisLink
    let queue: QueueKeys
    let options: ConsumerOptions
    let lease: Duration
    let observers: Observers
    private let registry: QueueRegistry
    /// The id of the instance that claims.
    let instance: String
    private let grace: Duration
    let routes: MessageRoutes
    let clock: LocalClock
    private let logger: Logger
    /// Until it has asked for the first time, and hears of new messages.
    private let starting: ManualTime.Activity?
    /// ``LocalClock/changes`` before the last claim.
    var seen = 0

    var state: ConsumerState<Settlement>
    /// The claims whose handlers run.
    var running: [ObjectIdentifier: MessageClaim] = [:]
    private var ready: [MessageClaim] = []
    private var batchWaiter: UnsafeContinuation<[MessageClaim]?, Never>?
    private var endWaiter: UnsafeContinuation<Void, Never>?
    private var timer: (id: LocalClock.TimerID, at: ContinuousClock.Instant)?
    /// For looks that only a change can make worth while, by a test's clock.
    private var lookTimer: LocalClock.TimerID?
    private var willAdvance = false

    /// - Parameter options: validated, with a lease.
    init(
        queue: QueueKeys, options: ConsumerOptions, lease: Duration, grace: Duration, link: RedisLink,
        registry: QueueRegistry, instance: String, clock: LocalClock, logger: Logger, observers: Observers,
        routes: MessageRoutes
    ) {
        self.queue = queue
        self.options = options
        self.lease = lease
        self.grace = grace
        self.link = link
        self.registry = registry
        self.instance = instance
        self.clock = clock
        starting = clock.begin(.brief)
        self.routes = routes
        self.logger = logger
        self.observers = observers
        state = ConsumerState(concurrency: options.concurrency, takeOvers: options.takeOversPerSecond)
    }

    /// Keeps the consumer alive, which is alive while it runs.
    nonisolated var runner: HandlerRunner {
        HandlerRunner(
            queue: queue, routes: routes, retry: options.retry, logger: logger, observers: observers
        ) { claim, verdict in
            self.onThread { $0.finished(claim, verdict) }
        }
    }

    // MARK: Running

    nonisolated func run() async throws {
        let subscription: RedisSubscription
        starting?.become(.own)
        defer { starting?.end() }
        do throws(RedisError) {
            subscription = try link.subscribe(queue.wake) { [weak self] _ in
                self?.onThread { consumer in
                    consumer.wake()
                    consumer.starting?.end()
                }
            }
        } catch {
            throw HoldfastError(error, "listening for messages of the queue \(queue.name)")
        }
        registry.note(queue.name)
        onThread { $0.advance() }
        await withTaskCancellationHandler {
            let runner = runner
            while let claims = await nextClaims() { runner.begin(claims) }
            await untilThrough()
        } onCancel: {
            thread.post { self.inTurn { $0.stop(grace: .zero) } }
        }
        subscription.cancel()
    }

    nonisolated func stop() {
        onThread { $0.stop(grace: $0.grace) }
    }

    nonisolated func giveUp() {
        onThread { $0.stop(grace: .zero) }
    }

    func stop(grace: Duration) {
        state.stop()
        if grace > .zero {
            _ = thread.schedule(at: .now + grace) { [weak self] in
                self?.inTurn { $0.cancelHandlers() }
            }
        } else {
            cancelHandlers()
        }
        advance()
    }

    /// Cancels the handlers that still run; their messages are given back.
    private func cancelHandlers() {
        for claim in running.values { claim.end() }
    }

    private func wake() {
        state.wake()
        advance()
    }

    nonisolated func onThread(_ work: @escaping @Sendable (isolated Consumer) -> Void) {
        thread.submit { self.inTurn { work($0) } }
    }

    // MARK: Handlers

    private func nextClaims() async -> [MessageClaim]? {
        if !ready.isEmpty {
            defer { ready = [] }
            return ready
        }
        if state.isClosed { return nil }
        return await withUnsafeContinuation { batchWaiter = $0 }
    }

    func start(_ claims: [MessageClaim]) {
        guard !claims.isEmpty else { return }
        for claim in claims { running[ObjectIdentifier(claim)] = claim }
        if clock.manual != nil {
            for claim in claims { claim.activity = clock.begin(.foreign) }
        }
        if let waiter = batchWaiter {
            batchWaiter = nil
            waiter.resume(returning: claims)
        } else {
            ready += claims
        }
    }

    func finished(_ claim: MessageClaim, _ verdict: Settlement.Verdict?) {
        running[ObjectIdentifier(claim)] = nil
        state.finished(verdict.map { Settlement(claim: claim, verdict: $0) })
        advanceSoon()
        guard clock.manual != nil else { return }
        // After what follows was asked: whoever waits for this then waits for that.
        onThread { _ in claim.activity?.end() }
    }

    private func untilThrough() async {
        if state.isThrough { return }
        await withUnsafeContinuation { endWaiter = $0 }
    }

    // MARK: Steps

    /// Does what is due now. Called after every event.
    func advance() {
        let now = clock.now
        if let count = state.claim(at: now) { claim(count) }
        let batch = state.settlements(at: now, weight: \.weight)
        if !batch.isEmpty { settle(batch) }
        if clock.manual != nil {
            if let due = state.nextCertain { wake(at: due) }
            look(at: state.nextLook)
        } else if let due = state.nextDue {
            wake(at: due)
        }
        if state.isClosed, let waiter = batchWaiter {
            batchWaiter = nil
            waiter.resume(returning: nil)
        }
        if state.isThrough, let waiter = endWaiter {
            endWaiter = nil
            waiter.resume()
        }
    }

    /// After what else the thread has to do at this moment: handlers that end together are settled together, and
    /// their places are filled by one call.
    private func advanceSoon() {
        guard !willAdvance else { return }
        willAdvance = true
        onThread { consumer in
            consumer.willAdvance = false
            consumer.advance()
        }
    }

    private func look(at instant: ContinuousClock.Instant?) {
        if let lookTimer { clock.cancel(lookTimer, on: thread) }
        lookTimer = instant.map { instant in
            clock.schedule(at: instant, lookingAfter: seen, on: thread) { [weak self] in
                self?.inTurn { $0.advance() }
            }
        }
    }

    /// Sets the timer to `instant` unless it is due before that. It is never moved back.
    func wake(at instant: ContinuousClock.Instant) {
        if let timer, timer.at <= instant { return }
        if let timer { clock.cancel(timer.id, on: thread) }
        let id = clock.schedule(at: instant, on: thread) { [weak self] in
            self?.inTurn { consumer in
                consumer.timer = nil
                consumer.renewDue()
                consumer.advance()
            }
        }
        timer = (id, instant)
    }
}

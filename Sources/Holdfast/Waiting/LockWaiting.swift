import RedisLink
import Synchronization

/// The waiting of one process for locks: its waiters, by name, and the one channel on which Redis tells of grants.
///
/// A waiter costs no task, thread or connection of its own, only its place here and in Redis. The actor lives on the
/// thread of the command connection, where confirmations leave as soon as a grant is heard of. It tells ``LockWaits`` what
/// has happened, and performs what that decides.
actor LockWaiting: LinkActor {
    private typealias Waits = LockWaits<UnsafeContinuation<Void, Never>>

    nonisolated var thread: LinkThread { link.thread }
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// What is shared with callers on other threads.
    private struct Shared {
        var subscription: RedisSubscription?
        /// Until it is known whether Redis lets us listen.
        var subscribing: ManualTime.Activity?
        var isClosed = false
    }

    private let link: RedisLink
    private let keeper: LeaseKeeper
    private nonisolated var clock: LocalClock { keeper.clock }
    private let wakeChannels: String
    private let channel: String
    private nonisolated let observers: Observers
    private nonisolated let shared = Mutex(Shared())
    private var waits = Waits()
    private var timer: LocalClock.TimerID?
    private var looksAt: ContinuousClock.Instant?

    init(link: RedisLink, keeper: LeaseKeeper, keys: KeySpace, instance: Instance, observers: Observers) {
        self.link = link
        self.keeper = keeper
        wakeChannels = keys.wakeChannels
        channel = keys.wakeChannels + instance.id
        self.observers = observers
    }

    /// Acquires a lock, waiting for it if it is held. Throws `CancellationError`, or a ``HoldfastError``.
    ///
    /// The caller suspends once, for the whole of it, see ``LockWait``.
    nonisolated(nonsending) func acquire(_ wait: LockWait) async throws -> Lease {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                thread.submit { self.inTurn { $0.arrive(wait, continuation) } }
            }
        } onCancel: {
            wait.cancel()
            thread.post { self.inTurn { $0.perform($0.waits.leave(wait.claim.token, .cancelled)) } }
        }
        return try lease(wait)
    }

    private nonisolated func lease(_ wait: LockWait) throws -> Lease {
        let claim = wait.claim
        switch wait.outcome {
        case .granted(let lease):
            // A process that was stopped while the answer waited for it.
            try lease.grant.check()
            return lease
        case .timedOut(let holder): throw HoldfastError.notAcquired(claim.name, within: wait.limit, holder)
        case .cancelled: throw CancellationError()
        case .failed(let error): throw HoldfastError.thrown(for: error, "acquiring the lock \(claim.name)")
        }
    }

    // MARK: Events

    private func arrive(_ wait: LockWait, _ continuation: UnsafeContinuation<Void, Never>) {
        guard !shared.withLock({ $0.isClosed }) else {
            return end(continuation, wait, .failed(Self.closed))
        }
        perform(waits.arrive(wait, continuation))
    }

    private func answered(
        _ claim: LeaseClaim, _ question: Waits.Question, _ result: Result<LeaseClaim.Answer, RedisError>
    ) {
        switch result {
        case .success(.granted(let fence, let sentAt)):
            perform(
                waits.granted(
                    claim, question, fence, sentAt: clock.sending(at: sentAt.wrappedValue), at: clock.now))
        case .success(.refused(let holder, let queuedAnew, let sentAt)):
            perform(
                waits.refused(
                    claim, question, by: holder, queuedAnew: queuedAnew,
                    sentAt: clock.sending(at: sentAt.wrappedValue), at: clock.now))
        case .failure(let error):
            observers.tell(WaitingEvent.askingFailed(name: claim.name, error))
            perform(
                waits.failed(
                    claim, question, error, pause: .milliseconds(.random(in: 50...150)), at: clock.now))
        }
    }

    private func heard(_ message: [UInt8]) {
        guard !message.isEmpty else { return beganListening() }
        let words = message.split(separator: UInt8(ascii: " "), maxSplits: 1).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard let token = words.first else { return }
        let fence = words.count == 2 ? Int64(words[1]).map(FencingToken.init(rawValue:)) : nil
        perform(waits.heard(ofGrantTo: token, fence, at: clock.now))
    }

    private func beganListening() {
        defer { shared.withLock { $0.subscribing.take()?.end() } }
        waits.beganListening(at: clock.now)
        setTimer()
    }

    /// Redis does not let us listen. A waiter without messages may wait forever beside waiters that get them.
    private func refusedListening(_ error: RedisError) {
        waits.stoppedListening()
        shared.withLock { $0.subscribing.take()?.end() }
        guard error.code == .permissionDenied else { return }
        var error = error
        if error.permission?.kind == .channel { error.permission?.names = ["\(wakeChannels)*"] }
        // So that the next caller that has to wait asks again.
        shared.withLock { $0.subscription = nil }
        perform(waits.refuseAll(error))
    }

    private func look() {
        timer = nil
        looksAt = nil
        perform(waits.look(at: clock.now))
    }

    // MARK: Actions

    private func perform(_ actions: Waits.Actions) {
        for action in actions {
            switch action {
            case .ask(let claim, let question): ask(claim, question)
            case .begin(let caller, let wait, let fence, let sentAt, let recall):
                begin(
                    caller, wait, keeper.hold(wait.claim, fence: fence, sentAt: sentAt.wrappedValue),
                    recall: recall)
            case .beginUnconfirmed(let caller, let wait, let fence, let end, let recall):
                let claim = wait.claim
                let lease = keeper.inTurn { $0.begin(claim, fence: fence, grantedUntil: end.wrappedValue) }
                begin(caller, wait, lease, recall: recall)
                // The waiter goes first.
                thread.submit {
                    self.keeper.inTurn { $0.confirm(lease) }
                    self.inTurn { $0.confirms(claim) }
                }
            case .end(let caller, let wait, let outcome): end(caller, wait, outcome)
            case .abandon(let claim): keeper.abandon(claim)
            case .listen: listen()
            }
        }
        setTimer()
    }

    private func ask(_ claim: LeaseClaim, _ question: Waits.Question) {
        guard question.reason == .arrival, question.mode == .attempt,
            let bare = claim.kind.bareAttempt(claim)
        else { return evaluate(claim, question) }
        link.send(bare) { [weak self] result in
            self?.inTurn { $0.answeredBare(claim, question, result) }
        }
    }

    private func evaluate(_ claim: LeaseClaim, _ question: Waits.Question) {
        link.call(claim.kind.acquire(claim, question.mode, wakeChannels: wakeChannels)) {
            [weak self] result in
            self?.inTurn { $0.answered(claim, question, result) }
        }
    }

    private func answeredBare(
        _ claim: LeaseClaim, _ question: Waits.Question, _ result: RedisResult
    ) {
        switch result {
        case .success(let reply) where reply.value.isNull: evaluate(claim, question)
        case .success(let reply): answered(claim, question, .success(.granted(nil, sentAt: reply.$sentAt)))
        case .failure(let error): answered(claim, question, .failure(error))
        }
    }

    private func begin(
        _ caller: UnsafeContinuation<Void, Never>, _ wait: LockWait, _ lease: Lease, recall: Bool
    ) {
        if recall { waits.recall(wait.claim, after: lease.grant) }
        end(caller, wait, .granted(lease))
    }

    private func confirms(_ claim: LeaseClaim) {
        waits.hasBegun(claim, .confirm, at: clock.now)
        setTimer()
    }

    private func end(
        _ caller: UnsafeContinuation<Void, Never>, _ wait: LockWait, _ outcome: LockWait.Outcome
    ) {
        wait.outcome = outcome
        wait.activities.become(.foreign)
        caller.resume()
    }

    private func setTimer() {
        guard let instant = waits.nextLook else { return }
        if let looksAt, looksAt <= instant { return }
        if let timer { clock.cancel(timer, on: thread) }
        looksAt = instant
        timer = clock.schedule(at: instant, on: thread) { [weak self] in
            self?.inTurn { $0.look() }
        }
    }

    // MARK: Begin and end

    /// Opens the connection for messages, with the first caller that has to wait.
    private nonisolated func listen() {
        shared.withLock { shared in
            guard shared.subscription == nil, !shared.isClosed else { return }
            do throws(RedisError) {
                shared.subscription = try link.subscribe(channel) { [weak self] message in
                    guard let self else { return }
                    self.thread.submit { self.inTurn { $0.heard(message) } }
                } onRefusal: { [weak self] error in
                    guard let self else { return }
                    self.thread.submit { self.inTurn { $0.refusedListening(error) } }
                }
                shared.subscribing = clock.begin()
            } catch {
                // Without messages the waiters ask by themselves.
                observers.tell(WaitingEvent.isDeaf(error))
            }
        }
    }

    /// Ends all waits and takes their places out of the queues.
    func close() async {
        shared.withLock { shared in
            shared.isClosed = true
            shared.subscription = nil
            shared.subscribing.take()?.end()
        }
        let claims = waits.claims
        perform(waits.close(.failed(Self.closed)))
        await withDiscardingTaskGroup { group in
            for claim in claims { group.addTask { await self.keeper.leave(claim) } }
        }
    }

    private static let closed = RedisError(
        .closed, delivery: .notDelivered, "this client is closed")
}

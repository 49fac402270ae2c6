import Logging
import RedisLink
import Synchronization

/// The waiting of one process for locks: its waiters, by name, and the one channel on which Redis tells of
/// grants.
///
/// A waiter costs no task, thread or connection of its own, only its place here and in Redis. The actor lives
/// on the thread of the command connection, where confirmations leave as soon as a grant is heard of.
actor LockWaiting: LinkActor {
    nonisolated var thread: LinkThread { link.connection.thread }
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    enum Outcome: Sendable {
        case granted(FencingToken?, sentAt: ContinuousClock.Instant)
        case timedOut(Holder)
        case cancelled
        indirect case failed(RedisError)
    }

    private struct Waiter {
        let claim: LockClaim
        let mode: LockClaim.Mode
        let continuation: UnsafeContinuation<Outcome, Never>
    }

    /// What is shared with callers on other threads.
    private struct Shared {
        var subscription: RedisSubscription?
        var isClosed = false
        /// Tokens of cancelled tasks. The cancellation may come before the waiter has entered.
        var cancelled: Set<String> = []
    }

    /// How many tokens that are no waiter's are kept in mind.
    private static let mostRemembered = 4096

    private let link: RedisLink
    private let keeper: LeaseKeeper
    private let wakeChannels: String
    private let channel: String
    private let logger: Logger
    private nonisolated let shared = Mutex(Shared())
    /// Whether Redis can tell us of grants. Only then a place in the queue is of use.
    private nonisolated let isListening = Atomic(false)
    private var rooms: [String: WaitingRoom] = [:]
    private var waiters: [String: Waiter] = [:]
    /// A grant may be heard of before the caller, who has its place since, has entered its room.
    private var unclaimed: Set<String> = []
    /// Those that left. Should a command that was under way then give one of them a place again, it is passed
    /// on when it is granted.
    private var departed: [String: LockClaim] = [:]
    private var timer: LinkThread.TimerID?
    private var wakesAt: ContinuousClock.Instant?

    init(link: RedisLink, keeper: LeaseKeeper, keys: KeySpace, instance: Instance, logger: Logger) {
        self.link = link
        self.keeper = keeper
        wakeChannels = keys.wakeChannels
        channel = keys.wakeChannels + instance.id
        self.logger = logger
    }

    /// Acquires the lock of `claim`, waiting until `deadline` at the longest; nil: without a limit.
    ///
    /// Returns the holder if it was not acquired in time. Throws `CancellationError`, or a ``HoldfastError``.
    nonisolated(nonsending) func acquire(
        _ claim: LockClaim, until deadline: ContinuousClock.Instant?, barging: Bool
    ) async throws -> Acquisition {
        // Before the first contention nobody listens: then the place in the queue comes with the first check.
        let waits: LockClaim.Mode = barging ? .barge : .wait
        let mode = isListening.load(ordering: .acquiring) || barging ? waits : .attempt
        switch try await keeper.ask(claim, mode) {
        case .granted(let fence, let sentAt):
            return .acquired(try keeper.take(claim, fence: fence, sentAt: sentAt))
        case .refused(let holder, _):
            if let deadline, deadline <= .now {
                if mode != .attempt { keeper.abandon(claim) }
                return .refused(holder)
            }
            listen()
            switch await wait(claim, waits, until: deadline, holder) {
            case .granted(let fence, let sentAt):
                return .acquired(try keeper.take(claim, fence: fence, sentAt: sentAt))
            case .timedOut(let holder): return .refused(holder)
            case .cancelled: throw CancellationError()
            case .failed(let error):
                throw HoldfastError.thrown(for: error, "waiting for the lock \(claim.name)")
            }
        }
    }

    private nonisolated(nonsending) func wait(
        _ claim: LockClaim, _ mode: LockClaim.Mode, until deadline: ContinuousClock.Instant?, _ holder: Holder
    ) async -> Outcome {
        let token = claim.token
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let waiter = Waiter(claim: claim, mode: mode, continuation: continuation)
                thread.submit { self.inTurn { $0.enter(waiter, until: deadline, holder) } }
            }
        } onCancel: {
            shared.withLock { _ = $0.cancelled.insert(token) }
            thread.post { self.inTurn { $0.end(token, .cancelled) } }
        }
        shared.withLock { _ = $0.cancelled.remove(token) }
        return outcome
    }

    // MARK: In turns of the thread

    private func enter(_ waiter: Waiter, until deadline: ContinuousClock.Instant?, _ holder: Holder) {
        let claim = waiter.claim
        let token = claim.token
        let (isClosed, isCancelled) = shared.withLock { ($0.isClosed, $0.cancelled.contains(token)) }
        guard !isClosed, !isCancelled else {
            keeper.abandon(claim)
            return waiter.continuation.resume(returning: isClosed ? .failed(Self.closed) : .cancelled)
        }
        waiters[token] = waiter
        rooms[claim.key, default: WaitingRoom()].enter(token, until: deadline)
        refused(token, claim, reason: nil, by: holder, queuedAnew: false)
        if unclaimed.remove(token) != nil, rooms[claim.key]?.asks(token) == true { ask(token, .confirm) }
        wake(for: claim.key)
    }

    /// Ends a wait without a grant: takes its place out of the queue, and passes on a grant that raced with
    /// this.
    private func end(_ token: String, _ outcome: Outcome) {
        guard let waiter = remove(token) else { return }
        if departed.count >= Self.mostRemembered { departed = [:] }
        departed[token] = waiter.claim
        keeper.abandon(waiter.claim)
        waiter.continuation.resume(returning: outcome)
    }

    private func remove(_ token: String) -> Waiter? {
        guard let waiter = waiters.removeValue(forKey: token) else { return nil }
        let key = waiter.claim.key
        _ = rooms[key]?.leave(token)
        if rooms[key]?.isEmpty == true { rooms[key] = nil }
        return waiter
    }

    private func heard(_ message: [UInt8]) {
        guard !message.isEmpty else { return beganListening() }
        let token = String(decoding: message, as: UTF8.self)
        if let waiter = waiters[token] {
            if rooms[waiter.claim.key]?.asks(token) == true { ask(token, .confirm) }
        } else if let claim = departed[token] {
            keeper.abandon(claim)
        } else {
            if unclaimed.count >= Self.mostRemembered { unclaimed = [] }
            unclaimed.insert(token)
        }
    }

    /// Messages may have been lost before: every room looks for itself.
    private func beganListening() {
        isListening.store(true, ordering: .releasing)
        for key in rooms.keys {
            rooms[key]?.checks(by: .now)
            wake(for: key)
        }
    }

    private func ask(_ token: String, _ reason: WaitingRoom.Reason) {
        guard let waiter = waiters[token] else { return }
        let claim = waiter.claim
        let mode = isListening.load(ordering: .relaxed) || waiter.mode == .barge ? waiter.mode : .attempt
        link.connection.inTurn {
            $0.evaluate(
                Scripts.acquire, keys: claim.keys,
                arguments: claim.arguments(mode, wakeChannels: wakeChannels), check: .acquiring(token)
            ) { [weak self] result in
                self?.inTurn { $0.answered(claim, reason, result) }
            }
        }
    }

    private func answered(
        _ claim: LockClaim, _ reason: WaitingRoom.Reason, _ result: RedisConnection.Result
    ) {
        let answer: LockClaim.Answer
        do throws(RedisError) {
            answer = try LockClaim.Answer(try result.get())
        } catch {
            return failed(claim, error)
        }
        switch answer {
        case .granted(let fence, let sentAt):
            // Left while it asked: then nobody has this grant.
            guard let waiter = remove(claim.token) else { return keeper.abandon(claim) }
            waiter.continuation.resume(returning: .granted(fence, sentAt: sentAt))
            // The next one learns nothing of this grant by itself; it looks when it must have ended.
            rooms[claim.key]?.checks(by: .now + min(claim.lease.duration, WaitingRoom.patience))
            wake(for: claim.key)
        case .refused(let holder, let queuedAnew):
            // Left while it asked: its place may have been made anew after it left.
            guard waiters[claim.token] != nil else { return keeper.abandon(claim) }
            refused(claim.token, claim, reason: reason, by: holder, queuedAnew: queuedAnew)
        }
    }

    private func refused(
        _ token: String, _ claim: LockClaim, reason: WaitingRoom.Reason?, by holder: Holder, queuedAnew: Bool
    ) {
        let asking =
            rooms[claim.key]?.refused(
                token, reason: reason, by: holder, queuedAnew: queuedAnew,
                isListening: isListening.load(ordering: .relaxed), at: .now) ?? []
        for (token, reason) in asking { ask(token, reason) }
        wake(for: claim.key)
    }

    /// A failure that passes does not end the wait: its limit does.
    private func failed(_ claim: LockClaim, _ error: RedisError) {
        guard waiters[claim.token] != nil else { return keeper.abandon(claim) }
        switch error.code {
        case .connectionLost, .connectFailed, .timeout:
            logger.debug("asking for the lock \(claim.name) failed, trying again: \(error)")
            rooms[claim.key]?.failed(claim.token, retry: .now + .milliseconds(.random(in: 50...150)))
            wake(for: claim.key)
        default:
            end(claim.token, .failed(error))
            // The others find out by themselves.
            rooms[claim.key]?.checks(by: .now)
            wake(for: claim.key)
        }
    }

    // MARK: Time

    private func wake(for key: String) {
        guard let instant = rooms[key]?.nextWake else { return }
        if let wakesAt, wakesAt <= instant { return }
        if let timer { thread.cancel(timer) }
        wakesAt = instant
        timer = thread.schedule(at: instant) { [weak self] in
            self?.inTurn { $0.look() }
        }
    }

    private func look() {
        timer = nil
        wakesAt = nil
        let now = ContinuousClock.now
        for key in Array(rooms.keys) {
            for token in rooms[key]?.expired(at: now) ?? [] {
                guard let holder = rooms[key]?.holder else { continue }
                end(token, .timedOut(holder))
            }
            if let token = rooms[key]?.check(at: now) { ask(token, .check) }
            wake(for: key)
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
                }
            } catch {
                // Without messages the waiters ask by themselves.
                logger.warning("waiting for locks without messages: \(error)")
            }
        }
    }

    /// Ends all waits and takes their places out of the queues.
    func close() async {
        shared.withLock { shared in
            shared.isClosed = true
            shared.subscription = nil
        }
        let claims = waiters.values.map(\.claim)
        for claim in claims { remove(claim.token)?.continuation.resume(returning: .failed(Self.closed)) }
        await withDiscardingTaskGroup { group in
            for claim in claims { group.addTask { await self.keeper.leave(claim) } }
        }
    }

    private static let closed = RedisError(
        .closed, delivery: .notDelivered, "this client was closed while it waited")
}

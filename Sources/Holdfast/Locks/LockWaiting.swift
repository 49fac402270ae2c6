internal import HeapModule
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

    private struct Waiter {
        let wait: LockWait
        let continuation: UnsafeContinuation<Void, Never>
        /// What it asked last was for a place in the queue.
        var asksForPlace = false
        /// The answer to its first question has come, and was no.
        var isWaiting = false
        /// A grant was heard of before that answer.
        var wasGranted = false
        /// A question of it was never answered: it may have happened, or still happen.
        var isUnknown = false
        /// A grant came too late to be believed, and was asked for again.
        var wasLate = false

        func end(_ outcome: LockWait.Outcome) {
            wait.outcome = outcome
            wait.activities.become(.foreign)
            continuation.resume()
        }
    }

    private struct Wake: Comparable {
        let instant: ContinuousClock.Instant
        let key: ExactText

        static func < (one: Wake, other: Wake) -> Bool { one.instant < other.instant }
    }

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
    private let logger: Logger
    private nonisolated let shared = Mutex(Shared())
    /// Whether Redis can tell us of grants. Only then a place in the queue is of use.
    private var isListening = false
    private var rooms: [ExactText: WaitingRoom] = [:]
    private var waiters: [String: Waiter] = [:]
    /// Those that left, and those that began while a question of theirs was unanswered. Should a command that was under
    /// way then give one of them a place again, or the lock, it is passed on.
    private var departed = DepartedClaims()
    /// When to look at which room. One that came to be due sooner stands there twice.
    private var wakes = Heap<Wake>()
    private var timer: LocalClock.TimerID?
    private var wakesAt: ContinuousClock.Instant?

    init(link: RedisLink, keeper: LeaseKeeper, keys: KeySpace, instance: Instance, logger: Logger) {
        self.link = link
        self.keeper = keeper
        wakeChannels = keys.wakeChannels
        channel = keys.wakeChannels + instance.id
        self.logger = logger
    }

    /// Acquires a lock, waiting for it if it is held. Throws `CancellationError`, or a ``HoldfastError``.
    ///
    /// The caller suspends once, for the whole of it, see ``LockWait``.
    nonisolated(nonsending) func acquire(_ wait: LockWait) async throws -> Lease {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                thread.submit { self.inTurn { $0.arrive(Waiter(wait: wait, continuation: continuation)) } }
            }
        } onCancel: {
            wait.cancel()
            thread.post { self.inTurn { $0.end(wait.claim.token, .cancelled) } }
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

    // MARK: In turns of the thread

    private func arrive(_ waiter: Waiter) {
        let token = waiter.wait.claim.token
        guard !shared.withLock({ $0.isClosed }) else { return waiter.end(.failed(Self.closed)) }
        // The cancellation may come before the waiter has entered.
        guard !waiter.wait.isCancelled else { return waiter.end(.cancelled) }
        waiters[token] = waiter
        ask(token, .arrival)
    }

    /// Ends a wait without a grant: takes its place out of the queue, and passes on a grant that raced with
    /// this.
    private func end(_ token: String, _ outcome: LockWait.Outcome) {
        guard let waiter = remove(token) else { return }
        departed.insert(waiter.wait.claim)
        keeper.abandon(waiter.wait.claim)
        waiter.end(outcome)
    }

    private func remove(_ token: String) -> Waiter? {
        guard let waiter = waiters.removeValue(forKey: token) else { return nil }
        let key = waiter.wait.claim.lockKey
        _ = rooms[key]?.leave(token)
        if rooms[key]?.isEmpty == true { rooms[key] = nil }
        return waiter
    }

    private func heard(_ message: [UInt8]) {
        guard !message.isEmpty else { return beganListening() }
        let words = message.split(separator: UInt8(ascii: " "), maxSplits: 1).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard let token = words.first else { return }
        if let waiter = waiters[token] {
            if !waiter.isWaiting {
                waiters[token]?.wasGranted = true
            } else if rooms[waiter.wait.claim.lockKey]?.asks(token) == true {
                let fence = words.count == 2 ? Int64(words[1]).map(FencingToken.init(rawValue:)) : nil
                if !begins(waiter, fence) { ask(token, .confirm) }
            }
        } else if let claim = departed[token] {
            keeper.abandon(claim)
        }
    }

    /// Lets a waiter begin with the grant it was told of, and confirms that meanwhile, if the grant lasts long enough.
    /// Not where a lock-delay is wished for: until it is confirmed Redis knows of none.
    private func begins(_ waiter: Waiter, _ fence: FencingToken?) -> Bool {
        let claim = waiter.wait.claim
        guard claim.lease.lockDelay == .zero, let fence,
            let end = rooms[claim.lockKey]?.end(
                ofGrantWith: fence, for: claim.lease, at: clock.now)
        else { return false }
        _ = remove(claim.token)
        let lease = keeper.inTurn { $0.begin(claim, fence: claim.isFenced ? fence : nil, grantedUntil: end) }
        begin(waiter, lease)
        // The waiter goes first.
        thread.submit {
            self.keeper.inTurn { $0.confirm(lease) }
            self.inTurn { $0.granted(to: claim, .confirm) }
        }
        return true
    }

    private func begin(_ waiter: Waiter, _ lease: Lease) {
        if waiter.isUnknown { departed.insert(waiter.wait.claim, after: lease.grant) }
        waiter.end(.granted(lease))
    }

    /// Messages may have been lost before: every room looks for itself.
    private func beganListening() {
        isListening = true
        defer { shared.withLock { $0.subscribing.take()?.end() } }
        for key in rooms.keys {
            rooms[key]?.checks(by: clock.now)
            wake(for: key)
        }
    }

    /// Redis does not let us listen. Who waits without messages may wait for ever beside those who get them.
    private func refusedListening(_ error: RedisError) {
        isListening = false
        shared.withLock { $0.subscribing.take()?.end() }
        guard error.code == .permissionDenied else { return }
        var error = error
        if error.permission?.kind == .channel { error.permission?.names = ["\(wakeChannels)*"] }
        // So that the next one who has to wait asks again.
        shared.withLock { $0.subscription = nil }
        for token in waiters.filter(\.value.isWaiting).keys { end(token, .failed(error)) }
    }

    private func ask(_ token: String, _ reason: WaitingRoom.Reason) {
        guard let waiter = waiters[token] else { return }
        let claim = waiter.wait.claim
        // Before the first contention nobody listens: then the place in the queue comes when somebody does.
        let mode = isListening || waiter.wait.mode == .barge ? waiter.wait.mode : .attempt
        waiters[token]?.asksForPlace = mode != .attempt
        if reason == .arrival, let set = claim.bareCommand(mode) {
            link.connection.inTurn {
                $0.send(set) { [weak self] result in
                    self?.inTurn { $0.answeredBare(claim, result) }
                }
            }
        } else {
            evaluate(claim, mode, reason)
        }
    }

    private func evaluate(_ claim: LockClaim, _ mode: LockClaim.Mode, _ reason: WaitingRoom.Reason) {
        link.connection.inTurn {
            $0.evaluate(
                Scripts.acquire, keys: claim.keys,
                arguments: claim.arguments(mode, wakeChannels: wakeChannels), check: .acquiring(claim.token)
            ) { [weak self] result in
                self?.inTurn { $0.answered(claim, reason, result) }
            }
        }
    }

    private func answeredBare(_ claim: LockClaim, _ result: RedisConnection.Result) {
        switch result {
        case .success(let reply) where reply.value.isNull: evaluate(claim, .attempt, .arrival)
        case .success(let reply): granted(claim, .arrival, nil, sentAt: reply.$sentAt)
        case .failure(let error): failed(claim, .arrival, error)
        }
    }

    private func answered(
        _ claim: LockClaim, _ reason: WaitingRoom.Reason, _ result: RedisConnection.Result
    ) {
        let answer: LockClaim.Answer
        do throws(RedisError) {
            answer = try LockClaim.Answer(try result.get())
        } catch {
            return failed(claim, reason, error)
        }
        switch answer {
        case .granted(let fence, let sentAt): granted(claim, reason, fence, sentAt: sentAt)
        case .refused(let holder, let queuedAnew, let sentAt):
            refused(claim, reason, by: holder, queuedAnew: queuedAnew, sentAt: sentAt)
        }
    }

    private func granted(
        _ claim: LockClaim, _ reason: WaitingRoom.Reason, _ fence: FencingToken?, sentAt: Moment
    ) {
        // Left while it asked: then nobody has this grant.
        guard let waiter = waiters[claim.token] else { return keeper.abandon(claim) }
        // The server, or this process, stood still for longer than the lease. Asked again with the same token,
        // Redis tells whether it still holds the lock. Once: a lease that is too short for the way to the server
        // must not keep the name for ever.
        let sentAt = clock.sending(at: sentAt.wrappedValue)
        if waiter.isWaiting, !waiter.wasLate, sentAt + claim.lease.trusted <= clock.now {
            waiters[claim.token]?.wasLate = true
            rooms[claim.lockKey]?.failed(claim.token, retry: clock.now + WaitingRoom.patience)
            if rooms[claim.lockKey]?.asks(claim.token) == true { ask(claim.token, .confirm) }
            return wake(for: claim.lockKey)
        }
        _ = remove(claim.token)
        begin(waiter, keeper.hold(claim, fence: fence, sentAt: sentAt))
        granted(to: claim, reason)
    }

    private func granted(to claim: LockClaim, _ reason: WaitingRoom.Reason) {
        rooms[claim.lockKey]?.granted(reason, lease: claim.lease.duration, at: clock.now)
        wake(for: claim.lockKey)
    }

    private func refused(
        _ claim: LockClaim, _ reason: WaitingRoom.Reason, by holder: Holder, queuedAnew: Bool, sentAt: Moment
    ) {
        let token = claim.token
        // Left while it asked: its place may have been made anew after it left.
        guard let waiter = waiters[token] else { return keeper.abandon(claim) }
        // Granted after it left, by bytes that were still under way on an earlier connection.
        if let departed = departed[holder.value] { keeper.abandon(departed) }
        let now = clock.now
        if !waiter.isWaiting {
            if let deadline = waiter.wait.deadline, deadline <= now { return end(token, .timedOut(holder)) }
            waiters[token]?.isWaiting = true
            rooms[claim.lockKey, default: WaitingRoom()].enter(token, until: waiter.wait.deadline)
            listen()
        }
        let asking =
            rooms[claim.lockKey]?.refused(
                token, reason: reason, by: holder, queuedAnew: queuedAnew, tookPlace: waiter.asksForPlace,
                isListening: isListening, sentAt: clock.sending(at: sentAt.wrappedValue), at: now) ?? []
        for (token, reason) in asking { ask(token, reason) }
        if waiter.wasGranted {
            waiters[token]?.wasGranted = false
            if rooms[claim.lockKey]?.asks(token) == true { ask(token, .confirm) }
        }
        wake(for: claim.lockKey)
    }

    /// A failure that passes does not end a wait: its limit does. One that meets a caller's first question does,
    /// but that is asked twice where the connection was lost before the answer: Redis answers as it answered, or
    /// would have answered, the first time.
    private func failed(_ claim: LockClaim, _ reason: WaitingRoom.Reason, _ error: RedisError) {
        let token = claim.token
        guard let waiter = waiters[token] else { return keeper.abandon(claim) }
        let passes =
            [.connectionLost, .connectFailed, .timeout].contains(error.code) || error.refusalPasses
        if !waiter.isWaiting {
            var failure = error
            let isUnknown = waiter.isUnknown || error.delivery == .unknown
            if error.code == .connectionLost, isUnknown, !waiter.isUnknown {
                waiters[token]?.isUnknown = true
                return ask(token, reason)
            }
            if isUnknown { failure.delivery = .unknown }
            end(token, .failed(failure))
        } else if passes {
            if error.delivery == .unknown { waiters[token]?.isUnknown = true }
            logger.debug("asking for the lock \(claim.name) failed, trying again: \(error)")
            rooms[claim.lockKey]?.failed(token, retry: clock.now + .milliseconds(.random(in: 50...150)))
            wake(for: claim.lockKey)
        } else {
            end(token, .failed(error))
            // The others find out by themselves.
            rooms[claim.lockKey]?.checks(by: clock.now)
            wake(for: claim.lockKey)
        }
    }

    // MARK: Time

    private func wake(for key: ExactText) {
        guard let instant = rooms[key]?.newWake() else { return }
        wakes.insert(Wake(instant: instant, key: key))
        setTimer()
    }

    private func setTimer() {
        guard let instant = wakes.min?.instant else { return }
        if let wakesAt, wakesAt <= instant { return }
        if let timer { clock.cancel(timer, on: thread) }
        wakesAt = instant
        timer = clock.schedule(at: instant, on: thread) { [weak self] in
            self?.inTurn { $0.look() }
        }
    }

    private func look() {
        timer = nil
        wakesAt = nil
        let now = clock.now
        while let key = wakes.min.flatMap({ $0.instant <= now ? $0.key : nil }) {
            wakes.removeMin()
            rooms[key]?.woke(at: now)
            for token in rooms[key]?.expired(at: now) ?? [] {
                guard let holder = rooms[key]?.holder else { continue }
                end(token, .timedOut(holder))
            }
            if let token = rooms[key]?.check(at: now) { ask(token, .check) }
            wake(for: key)
        }
        setTimer()
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
                logger.warning("waiting for locks without messages: \(error)")
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
        let claims = waiters.values.map(\.wait.claim)
        for claim in claims { remove(claim.token)?.end(.failed(Self.closed)) }
        await withDiscardingTaskGroup { group in
            for claim in claims { group.addTask { await self.keeper.leave(claim) } }
        }
    }

    private static let closed = RedisError(
        .closed, delivery: .notDelivered, "this client is closed")
}

internal import HeapModule
import RedisLink

/// The waits of one process for locks: who asks Redis when, who begins, and who gives up.
///
/// A value: events in, actions out; no clock, no socket, no task. ``LockWaiting`` tells it what has happened and performs
/// what it answers. What it decides for all who wait for one name is in that name's ``WaitingRoom``.
struct LockWaits<Caller: Sendable>: Sendable {
    struct Question: Hashable, Sendable {
        let reason: WaitingRoom.Reason
        let mode: LeaseClaim.Mode

        var isForPlace: Bool { mode != .attempt }
    }

    enum Action: Sendable {
        case ask(LeaseClaim, Question)
        /// It was granted the lock. Recall: one of its questions was never answered, so see ``recall(_:after:)``.
        case begin(Caller, LockWait, FencingToken?, sentAt: Moment, recall: Bool)
        /// As ``begin(_:_:_:sentAt:recall:)``, by a grant that Redis told of, which lasts until `end` in any case. It is
        /// to be confirmed meanwhile.
        case beginUnconfirmed(Caller, LockWait, FencingToken?, until: Moment, recall: Bool)
        case end(Caller, LockWait, LockWait.Outcome)
        /// Nobody has the claim any more, and Redis may know it.
        case abandon(LeaseClaim)
        /// Messages are needed from now on.
        case listen
    }

    /// What is to be done, in this order. Few events ask for more than one thing, and one takes no memory of its own.
    struct Actions: Sendable, Sequence {
        fileprivate private(set) var first: Action?
        fileprivate private(set) var others: [Action] = []

        init(_ action: Action? = nil) { first = action }

        static func += (actions: inout Actions, action: Action) {
            if actions.first == nil { actions.first = action } else { actions.others.append(action) }
        }

        static func += (actions: inout Actions, more: Actions) {
            for action in more { actions += action }
        }

        func makeIterator() -> Iterator { Iterator(actions: self) }

        struct Iterator: IteratorProtocol {
            fileprivate let actions: Actions
            private var index = -1

            fileprivate init(actions: Actions) { self.actions = actions }

            mutating func next() -> Action? {
                defer { index += 1 }
                if index < 0 { return actions.first }
                return index < actions.others.count ? actions.others[index] : nil
            }
        }
    }

    private enum Stage: Sendable {
        /// Its first question is under way.
        case arriving
        /// Likewise, and a grant was heard of since.
        case grantedEarly
        /// It was refused, and is in its room.
        case waiting
        /// Likewise, and a grant that came too late to be believed was asked for once more.
        case grantedLate
    }

    private struct Waiter: Sendable {
        let wait: LockWait
        let caller: Caller
        var stage = Stage.arriving
        var outcome = UnknownOutcome()

        var isInRoom: Bool { stage == .waiting || stage == .grantedLate }
    }

    private struct Wake: Comparable, Sendable {
        let instant: ContinuousClock.Instant
        let key: ExactText

        static func < (one: Wake, other: Wake) -> Bool { one.instant < other.instant }
    }

    private var waiters: [String: Waiter] = [:]
    private var rooms: [ExactText: WaitingRoom] = [:]
    /// Those that left, and those that began while a question of theirs was unanswered. Should a command that was under
    /// way then give one of them a place again, or the lock, it is passed on.
    private var departed = DepartedClaims()
    /// When to look at which room. One that came to be due sooner stands there twice.
    private var wakes = Heap<Wake>()
    /// Whether Redis can tell of grants. Only then a place in the queue is of use.
    private var isListening = false

    /// When ``look(at:)`` is due next, unless an event comes before.
    var nextLook: ContinuousClock.Instant? { wakes.min?.instant }

    var claims: [LeaseClaim] { waiters.values.map(\.wait.claim) }

    // MARK: Arrivals and departures

    mutating func arrive(_ wait: LockWait, _ caller: Caller) -> Actions {
        // The cancellation may come before the waiter has entered.
        guard !wait.isCancelled else { return Actions(.end(caller, wait, .cancelled)) }
        waiters[wait.claim.token] = Waiter(wait: wait, caller: caller)
        return Actions(ask(wait, .arrival))
    }

    /// Ends a wait without a grant: takes its place out of the queue, and passes on a grant that raced with this.
    mutating func leave(_ token: String, _ outcome: LockWait.Outcome) -> Actions {
        guard let waiter = remove(token) else { return Actions() }
        departed.insert(waiter.wait.claim)
        var actions = Actions(.abandon(waiter.wait.claim))
        actions += .end(waiter.caller, waiter.wait, outcome)
        return actions
    }

    /// Ends all waits, at the end of the client. What Redis knows of them is left to the caller.
    mutating func close(_ outcome: LockWait.Outcome) -> Actions {
        var actions = Actions()
        for token in Array(waiters.keys) {
            if let waiter = remove(token) { actions += .end(waiter.caller, waiter.wait, outcome) }
        }
        return actions
    }

    /// One that has begun is passed on once its grant is over, should Redis still give it something.
    mutating func recall(_ claim: LeaseClaim, after grant: Grant) { departed.insert(claim, after: grant) }

    private mutating func remove(_ token: String) -> Waiter? {
        guard let waiter = waiters.removeValue(forKey: token) else { return nil }
        if waiter.isInRoom {
            let key = waiter.wait.claim.exactKey
            _ = rooms[key]?.leave(token)
            if rooms[key]?.isEmpty == true { rooms[key] = nil }
        }
        return waiter
    }

    private func ask(_ wait: LockWait, _ reason: WaitingRoom.Reason) -> Action {
        // Before the first contention nobody listens: then the place in the queue comes when somebody does.
        let mode = isListening || wait.mode == .barge ? wait.mode : .attempt
        return .ask(wait.claim, Question(reason: reason, mode: mode))
    }

    // MARK: Answers

    mutating func granted(
        _ claim: LeaseClaim, _ question: Question, _ fence: FencingToken?, sentAt: ContinuousClock.Instant,
        at now: ContinuousClock.Instant
    ) -> Actions {
        // Left while it asked: then nobody has this grant.
        guard let waiter = waiters[claim.token] else { return Actions(.abandon(claim)) }
        // The server, or this process, stood still for longer than the lease. Asked again with the same token,
        // Redis tells whether it still holds the lock. Once: a lease that is too short for the way to the server
        // must not keep the name forever.
        if waiter.stage == .waiting, sentAt + claim.lease.trusted <= now {
            waiters[claim.token]?.stage = .grantedLate
            rooms[claim.exactKey]?.failed(claim.token, retry: now + WaitingRoom.patience)
            defer { wake(for: claim.exactKey) }
            return asksAgain(waiter.wait, .confirm)
        }
        _ = remove(claim.token)
        hasBegun(claim, question.reason, at: now)
        return Actions(
            .begin(
                waiter.caller, waiter.wait, fence, sentAt: Moment(wrappedValue: sentAt),
                recall: waiter.outcome.mayHaveHappened))
    }

    /// The one that began has the lock until it lets go; the others of its room look later.
    mutating func hasBegun(
        _ claim: LeaseClaim, _ reason: WaitingRoom.Reason, at now: ContinuousClock.Instant
    ) {
        rooms[claim.exactKey]?.granted(reason, lease: claim.lease.duration, at: now)
        wake(for: claim.exactKey)
    }

    mutating func refused(
        _ claim: LeaseClaim, _ question: Question, by holder: Holder, queuedAnew: Bool,
        sentAt: ContinuousClock.Instant, at now: ContinuousClock.Instant
    ) -> Actions {
        let (token, key) = (claim.token, claim.exactKey)
        // Left while it asked: its place may have been made anew after it left.
        guard let waiter = waiters[token] else { return Actions(.abandon(claim)) }
        // Granted after it left, by bytes that were still under way on an earlier connection.
        var actions = Actions(departed[holder.value].map(Action.abandon))
        if !waiter.isInRoom {
            if let deadline = waiter.wait.deadline, deadline <= now {
                actions += leave(token, .timedOut(holder))
                return actions
            }
            waiters[token]?.stage = .waiting
            rooms[key, default: WaitingRoom()].enter(token, until: waiter.wait.deadline)
            actions += .listen
        }
        let asking =
            rooms[key]?.refused(
                token, reason: question.reason, by: holder, queuedAnew: queuedAnew,
                tookPlace: question.isForPlace, isListening: isListening, sentAt: sentAt, at: now) ?? []
        for (other, reason) in asking {
            if let wait = waiters[other]?.wait { actions += ask(wait, reason) }
        }
        if waiter.stage == .grantedEarly { actions += asksAgain(waiter.wait, .confirm) }
        wake(for: key)
        return actions
    }

    private mutating func asksAgain(_ wait: LockWait, _ reason: WaitingRoom.Reason) -> Actions {
        let asks = rooms[wait.claim.exactKey]?.asks(wait.claim.token) == true
        return Actions(asks ? ask(wait, reason) : nil)
    }

    /// A failure that passes does not end a wait: its limit does. One that meets a caller's first question does,
    /// but that is asked twice where the connection was lost before the answer: Redis answers as it answered, or
    /// would have answered, the first time.
    ///
    /// - Parameter pause: how long until it is asked again after a failure that passes.
    mutating func failed(
        _ claim: LeaseClaim, _ question: Question, _ error: RedisError, pause: Duration,
        at now: ContinuousClock.Instant
    ) -> Actions {
        let token = claim.token
        guard let waiter = waiters[token] else { return Actions(.abandon(claim)) }
        var outcome = waiter.outcome
        let failure = outcome.failed(error)
        guard waiter.isInRoom else {
            let isFirst = outcome.mayHaveHappened && !waiter.outcome.mayHaveHappened
            guard isFirst, error.code == .connectionLost else { return leave(token, .failed(failure)) }
            waiters[token]?.outcome = outcome
            return Actions(ask(waiter.wait, question.reason))
        }
        defer { wake(for: claim.exactKey) }
        let passes =
            [.connectionLost, .connectFailed, .timeout].contains(error.code) || error.refusalPasses
        guard passes else {
            // The others find out by themselves.
            rooms[claim.exactKey]?.checks(by: now)
            return leave(token, .failed(error))
        }
        waiters[token]?.outcome = outcome
        rooms[claim.exactKey]?.failed(token, retry: now + pause)
        return Actions()
    }

    // MARK: Messages

    /// Redis told of a grant, with its fence where the name has fences.
    mutating func heard(
        ofGrantTo token: String, _ fence: FencingToken?, at now: ContinuousClock.Instant
    ) -> Actions {
        guard let waiter = waiters[token] else { return Actions(departed[token].map(Action.abandon)) }
        guard waiter.isInRoom else {
            waiters[token]?.stage = .grantedEarly
            return Actions()
        }
        let claim = waiter.wait.claim
        guard rooms[claim.exactKey]?.asks(token) == true else { return Actions() }
        // Not where a lock-delay is wished for: until the grant is confirmed Redis knows of none.
        guard claim.lease.lockDelay == .zero, let fence,
            let end = rooms[claim.exactKey]?.end(ofGrantWith: fence, for: claim.lease, at: now)
        else { return Actions(ask(waiter.wait, .confirm)) }
        _ = remove(token)
        return Actions(
            .beginUnconfirmed(
                waiter.caller, waiter.wait, claim.isFenced ? fence : nil, until: Moment(wrappedValue: end),
                recall: waiter.outcome.mayHaveHappened))
    }

    /// Messages come from now on. Some may have been lost before: every room looks for itself.
    mutating func beganListening(at now: ContinuousClock.Instant) {
        isListening = true
        for key in rooms.keys {
            rooms[key]?.checks(by: now)
            wake(for: key)
        }
    }

    mutating func stoppedListening() { isListening = false }

    /// Ends all waits but those whose first question is under way.
    mutating func refuseAll(_ error: RedisError) -> Actions {
        stoppedListening()
        var actions = Actions()
        for token in waiters.filter(\.value.isInRoom).keys { actions += leave(token, .failed(error)) }
        return actions
    }

    // MARK: Time

    /// What is due at `now`: waits end, and rooms ask.
    mutating func look(at now: ContinuousClock.Instant) -> Actions {
        var actions = Actions()
        while let key = wakes.min.flatMap({ $0.instant <= now ? $0.key : nil }) {
            wakes.removeMin()
            rooms[key]?.woke(at: now)
            for token in rooms[key]?.expired(at: now) ?? [] {
                guard let holder = rooms[key]?.holder else { continue }
                actions += leave(token, .timedOut(holder))
            }
            if let token = rooms[key]?.check(at: now), let wait = waiters[token]?.wait {
                actions += ask(wait, .check)
            }
            wake(for: key)
        }
        return actions
    }

    private mutating func wake(for key: ExactText) {
        guard let instant = rooms[key]?.newWake() else { return }
        wakes.insert(Wake(instant: instant, key: key))
    }
}

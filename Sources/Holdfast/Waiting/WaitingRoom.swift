internal import DequeModule
import RedisLink

/// The waiters of one process for one name, in order of arrival, and which of them asks Redis when.
///
/// Normally nobody asks: whoever frees the lock grants it to the head of the queue in Redis and says so. The
/// room covers what that cannot: a holder that died frees nothing, and messages may be lost. So one waiter, the
/// first, asks for all when the lease that was seen last must have ended, and at the latest after `patience`.
///
/// A value: events in, tokens to ask for out; no clock, no socket, no task.
struct WaitingRoom: Sendable {
    /// Why a waiter asks.
    enum Reason: Hashable, Sendable {
        /// It has just come.
        case arrival
        /// Redis granted it the lock, or so it seems: it confirms.
        case confirm
        /// For all: does somebody still hold the lock, and does the queue still know us?
        case check
        /// It lost its place with another of this room, or came before messages could be relied on.
        case requeue
    }

    /// What a waiter asks at present.
    private enum Question {
        case none
        case underWay
        /// Another reason to ask has come since: what it is told may be older than that.
        case outdated
    }

    private struct Waiter {
        var question = Question.none
        /// It stands in the queue in Redis, as far as we know.
        var hasPlace = false
    }

    /// How long to rely on messages: less than a grant lasts, so that a lost message costs no place.
    static let patience: Duration = .seconds(2)
    /// The same where no message can be relied on: nobody listens yet, or the holder is a client of another
    /// kind, which tells nobody of its release.
    static let impatience: Duration = .milliseconds(200)

    private var waiters: [String: Waiter] = [:]
    /// Of those who do not wait forever.
    private var deadlines: [String: ContinuousClock.Instant] = [:]
    /// Their tokens as they came, those that left among them.
    private var order: Deque<String> = []
    private(set) var nextCheck: ContinuousClock.Instant?
    private var announced: ContinuousClock.Instant?
    private(set) var earliestDeadline: ContinuousClock.Instant?
    /// Who held the lock when Redis was asked last.
    private(set) var holder: Holder?
    /// When that question was sent.
    private var askedAt: Moment?

    var isEmpty: Bool { waiters.isEmpty }
    var count: Int { waiters.count }

    /// When something is to be done next, unless an event comes before.
    var nextWake: ContinuousClock.Instant? {
        [nextCheck, earliestDeadline].compactMap(\.self).min()
    }

    /// The same, if it is sooner than what was told last, or that has come: see ``woke(at:)``.
    mutating func newWake() -> ContinuousClock.Instant? {
        guard let nextWake, announced.map({ nextWake < $0 }) ?? true else { return nil }
        announced = nextWake
        return nextWake
    }

    /// An instant that ``newWake()`` told has come.
    mutating func woke(at now: ContinuousClock.Instant) {
        if let instant = announced, instant <= now { announced = nil }
    }

    func contains(_ token: String) -> Bool { waiters[token] != nil }

    mutating func enter(_ token: String, until deadline: ContinuousClock.Instant?) {
        waiters[token] = Waiter()
        order.append(token)
        guard let deadline else { return }
        deadlines[token] = deadline
        earliestDeadline = min(earliestDeadline ?? deadline, deadline)
    }

    /// Its wait is over, for whatever reason. False: it was over before.
    mutating func leave(_ token: String) -> Bool {
        guard waiters.removeValue(forKey: token) != nil else { return false }
        deadlines[token] = nil
        while let first = order.first, waiters[first] == nil { order.removeFirst() }
        if order.count > 2 * waiters.count + 16 { order.removeAll { waiters[$0] == nil } }
        return true
    }

    /// Those whose time is over at `now`.
    mutating func expired(at now: ContinuousClock.Instant) -> [String] {
        guard let earliestDeadline, earliestDeadline <= now else { return [] }
        self.earliestDeadline = deadlines.values.lazy.filter { $0 > now }.min()
        return order.filter { token in deadlines[token].map { $0 <= now } ?? false }
    }

    /// Until when a grant that was heard of lasts in any case; nil if that is not known, or too soon to begin before it
    /// is confirmed.
    ///
    /// A message does not tell when it was sent. But fences only rise: with a higher one than the holder had when Redis
    /// was asked last, the grant is younger than that question. So it counts from when the question was sent. It lasts
    /// for no longer than the waiter's lease: an earlier question of the same waiter, of which no answer came, may have
    /// confirmed it since.
    func end(
        ofGrantWith fence: FencingToken, for lease: LeaseTerm, at now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        guard let askedAt, let known = holder?.fencingToken, fence > known else { return nil }
        let term = LeaseTerm.grant.shorter(lease)
        let end = askedAt.wrappedValue + term.trusted
        return now < end - term.renewal ? end : nil
    }

    /// Whether `token` is to ask now. If it asks already, it will again.
    mutating func asks(_ token: String) -> Bool {
        guard let waiter = waiters[token] else { return false }
        waiters[token]?.question = waiter.question == .none ? .underWay : .outdated
        return waiter.question == .none
    }

    /// Whether `token` is to ask for a place now.
    private mutating func asksForPlace(_ token: String) -> Bool {
        guard let waiter = waiters[token], !waiter.hasPlace, waiter.question == .none else { return false }
        waiters[token]?.question = .underWay
        return true
    }

    /// Who checks, if that is due at `now`.
    mutating func check(at now: ContinuousClock.Instant) -> String? {
        guard let nextCheck, nextCheck <= now else { return nil }
        // Should no answer set it again.
        self.nextCheck = now + Self.patience
        guard let first = order.first, asks(first) else { return nil }
        return first
    }

    /// One of this room has the lock until it lets go, at the latest after `lease` from `now` on.
    ///
    /// Who is granted it without being told so found it free with an empty queue: then the queue has not got the
    /// others either, and the next one looks at once. Else it looks when that grant must have ended, since it
    /// learns nothing of it by itself.
    mutating func granted(_ reason: Reason, lease: Duration, at now: ContinuousClock.Instant) {
        checks(by: reason == .confirm ? now + min(lease, Self.patience) : now)
    }

    /// Redis refused `token`: who is to ask now, and why.
    ///
    /// Who asks for all also finds those without a place: they came before messages could be relied on, or their
    /// question for one failed. Where it had lost its own, they lost theirs.
    ///
    /// - Parameter tookPlace: whether it asked for a place in the queue.
    mutating func refused(
        _ token: String, reason: Reason, by holder: Holder, queuedAnew: Bool, tookPlace: Bool = true,
        isListening: Bool, sentAt: ContinuousClock.Instant, at now: ContinuousClock.Instant
    ) -> [(token: String, reason: Reason)] {
        self.holder = holder
        askedAt = Moment(wrappedValue: sentAt)
        var asking: [(token: String, reason: Reason)] = []
        if answered(token) { asking.append((token, .confirm)) }
        // The message of this grant was lost, or is on its way.
        if holder.value != token, asks(holder.value) { asking.append((holder.value, .confirm)) }
        let asksForAll = reason == .check || reason == .confirm
        if asksForAll, queuedAnew {
            for other in waiters.keys { waiters[other]?.hasPlace = false }
        }
        if tookPlace { waiters[token]?.hasPlace = true }
        if isListening {
            for other in asksForAll ? Array(order) : [token] where asksForPlace(other) {
                asking.append((other, .requeue))
            }
        }
        let patience = isListening && holder.instanceID != nil ? Self.patience : Self.impatience
        // One millisecond more: Redis' remaining time is rounded, and a key lives until it has passed.
        let pause = holder.remaining.map { min($0 + .milliseconds(1), patience) } ?? patience
        checks(by: now + pause)
        return asking
    }

    /// What `token` asked was not answered: the room asks again at `retry`.
    mutating func failed(_ token: String, retry: ContinuousClock.Instant) {
        waiters[token]?.question = .none
        checks(by: retry)
    }

    mutating func checks(by instant: ContinuousClock.Instant) {
        nextCheck = min(nextCheck ?? instant, instant)
    }

    /// True: it has to ask at once again.
    private mutating func answered(_ token: String) -> Bool {
        guard let waiter = waiters[token] else { return false }
        waiters[token]?.question = waiter.question == .outdated ? .underWay : .none
        return waiter.question == .outdated
    }
}

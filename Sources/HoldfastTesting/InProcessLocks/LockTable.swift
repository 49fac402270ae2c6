internal import DequeModule
internal import Holdfast
internal import RedisLink

/// Who holds which name in this process, and who waits for it in which order.
///
/// A value: no clock, no task. It is to ``InProcessLocks`` what the keys and scripts in Redis are to
/// `Holdfast`. A name is in it while it is held; nobody waits for a free one, since the step that frees a
/// name hands it on.
struct LockTable: Sendable {
    struct Hold: Sendable {
        let claim: LeaseClaim
        let fence: FencingToken?
        /// When the name becomes free, unless it is renewed before.
        fileprivate(set) var end: ContinuousClock.Instant
    }

    private struct Place {
        var hold: Hold
        var waiters: Deque<LeaseClaim> = []
    }

    private var places: [ExactText: Place] = [:]
    /// The start of the fences' clock, which keeps running whatever is done to the host's clock.
    private let start: (instant: ContinuousClock.Instant, microseconds: Int64)
    private var lastFence: Int64 = 0

    init(start: ContinuousClock.Instant, microseconds: Int64) {
        self.start = (start, microseconds)
    }

    var heldNames: [String] { places.values.map(\.hold.claim.name).sortedExactly() }

    /// When the first name becomes free, unless it is renewed before.
    var nextEnd: ContinuousClock.Instant? { places.values.lazy.map(\.hold.end).min() }

    func microseconds(at now: ContinuousClock.Instant) -> Int64 {
        let (seconds, attoseconds) = (now - start.instant).components
        return start.microseconds + seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    func hold(of key: String) -> Hold? { places[ExactText(key)]?.hold }

    func waiterCount(of key: String) -> Int { places[ExactText(key)]?.waiters.count ?? 0 }

    /// The hold on the name after `claim` has asked for it: that of `claim` if the name was free.
    mutating func ask(_ claim: LeaseClaim, _ mode: LeaseClaim.Mode, at now: ContinuousClock.Instant) -> Hold {
        let key = ExactText(claim.key)
        guard let hold = places[key]?.hold else {
            let hold = grant(claim, at: now)
            places[key] = Place(hold: hold)
            return hold
        }
        switch mode {
        case .attempt: break
        case .wait: places[key]?.waiters.append(claim)
        case .barge: places[key]?.waiters.prepend(claim)
        }
        return hold
    }

    /// Returns false if the name is no longer held by `token`.
    mutating func renew(_ key: String, _ token: String, at now: ContinuousClock.Instant) -> Bool {
        guard let hold = hold(of: key), hold.claim.token == token, hold.end > now else { return false }
        places[ExactText(key)]?.hold.end = now + hold.claim.lease.keyLifetime
        return true
    }

    /// `token` gives up the name, or its place among the waiters. `held`: it had the name until now. `next`:
    /// the hold that replaces it.
    mutating func leave(
        _ key: String, _ token: String, at now: ContinuousClock.Instant
    ) -> (held: Bool, next: Hold?) {
        guard let hold = hold(of: key) else { return (false, nil) }
        guard hold.claim.token == token else {
            places[ExactText(key)]?.waiters.removeAll { $0.token == token }
            return (false, nil)
        }
        return (hold.end > now, handOn(key, at: now))
    }

    /// Takes the name from its holder, and gives it to the first waiter.
    mutating func handOn(_ key: String, at now: ContinuousClock.Instant) -> Hold? {
        let place = ExactText(key)
        guard let claim = places[place]?.waiters.popFirst() else {
            places[place] = nil
            return nil
        }
        let hold = grant(claim, at: now)
        places[place]?.hold = hold
        return hold
    }

    /// Hands on the names whose time is over, and returns the new holds.
    mutating func expire(at now: ContinuousClock.Instant) -> [Hold] {
        let expired = places.values.filter { $0.hold.end <= now }
        return expired.compactMap { handOn($0.hold.claim.key, at: now) }
    }

    private mutating func grant(_ claim: LeaseClaim, at now: ContinuousClock.Instant) -> Hold {
        lastFence = max(lastFence + 1, microseconds(at: now))
        return Hold(
            claim: claim, fence: claim.isFenced ? FencingToken(rawValue: lastFence) : nil,
            end: now + claim.lease.keyLifetime)
    }
}

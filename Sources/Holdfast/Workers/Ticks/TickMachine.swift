/// Decides for one worker what to do next: look for something to run, or wait.
///
/// Answers in, steps out; no clock, no connection. The cursor is the instant up to which all ticks are past. A
/// tick is claimed by naming the cursor one knows; if it has moved, the answer brings the new one.
struct TickMachine: Sendable {
    enum Step: Hashable, Sendable {
        case look(Look)
        case wait(until: ContinuousClock.Instant)
        /// Wait, and look whether others have changed something; at `due` something is to do in any case.
        case poll(at: ContinuousClock.Instant, due: ContinuousClock.Instant?)
    }

    /// What a call of tick.lua asks for, beside runs that died or were asked for.
    struct Look: Hashable, Sendable {
        /// The cursor to begin with, where the worker has none.
        var seed: Int64?
        var tick: DueTick?
    }

    /// A tick to claim; all in milliseconds since 1970 on the server.
    struct DueTick: Hashable, Sendable {
        var nominal: Int64
        /// Where the cursor must still stand.
        var cursor: Int64
        /// How often it had been turned back.
        var era: Int64 = 0
        var due: Int64
        /// After this it is too late.
        var latest: Int64?
    }

    /// An estimate of the server's clock, and the knowledge of the cursor, are not trusted for longer.
    static let freshness: Duration = .seconds(60)
    /// A run that ends early does not notify anybody, so look this often whether a tick that is due can
    /// start.
    static let patience: Duration = .seconds(1)

    private(set) var timetable: Timetable
    private let missed: MissedTicks
    private var clock: ServerClock?
    private var cursor: Int64?
    private var era: Int64 = 0
    /// How far the cursor lies ahead of the server's clock, which was set back; nil where it does not, or hardly. Until
    /// the clock is past it, or the cursor is turned back, no tick comes due.
    private(set) var lead: Duration?
    /// Ticks up to this one are past for this instance: Redis said so once.
    private var past: Int64?
    private var seed: Int64?
    private var isPaused = false
    private var mustLook = true
    /// When the lease of a run ends that may have died.
    private var leaseEnd: ContinuousClock.Instant?
    private var notBefore: ContinuousClock.Instant?
    /// A tick is due, and starts as soon as a run ends.
    private var awaitsEnd = false

    init(_ timetable: Timetable, missed: MissedTicks = .once) {
        self.timetable = timetable
        self.missed = missed
    }

    func next(at now: ContinuousClock.Instant) -> Step {
        if let notBefore, now < notBefore {
            return awaitsEnd ? Self.rest(due: leaseEnd, lookingAt: notBefore) : .wait(until: notBefore)
        }
        guard let clock, let cursor, let past, !mustLook, clock.age(at: now) < Self.freshness,
            leaseEnd.map({ now < $0 }) ?? true
        else { return .look(Look(seed: seed)) }
        let stale = clock.end(of: Self.freshness)
        if isPaused { return Self.rest(due: leaseEnd, lookingAt: stale) }
        let time = clock.milliseconds(at: now)
        if let nominal = timetable.tick(after: past, at: time, missed) {
            let due = timetable.due(nominal)
            let latest = timetable.latest(due, missed)
            return .look(
                Look(tick: DueTick(nominal: nominal, cursor: cursor, era: era, due: due, latest: latest)))
        }
        let skipped = timetable.newestDue(after: past, at: time) ?? past
        let due = timetable.first(after: skipped).map { clock.instant(of: timetable.due($0)) }
        return Self.rest(due: [due, leaseEnd].compactMap(\.self).min(), lookingAt: stale)
    }

    private static func rest(
        due: ContinuousClock.Instant?, lookingAt look: ContinuousClock.Instant
    ) -> Step {
        if let due, due <= look { .wait(until: due) } else { .poll(at: look, due: due) }
    }

    mutating func answered(_ answer: TickAnswer, at now: ContinuousClock.Instant) {
        clock = ServerClock(milliseconds: answer.serverTime, receivedAt: now)
        notBefore = nil
        leaseEnd = nil
        awaitsEnd = false
        isPaused = false
        cursor = answer.cursor
        // Where the worker has never run, or Redis lost the cursor, it begins anew; not with ticks that this
        // instance knows to be past.
        mustLook = answer.cursor == nil
        // One that was turned back was meant to be.
        past = answer.era > era ? answer.cursor : [past, answer.cursor].compactMap(\.self).max()
        era = answer.era
        lead = answer.cursor.flatMap { ServerClock.lead(of: $0, over: answer.serverTime) }
        seed = answer.cursor == nil ? past ?? timetable.beginning(at: answer.serverTime) : nil
        guard case .waiting(let reason, let remaining) = answer.verdict else { return }
        leaseEnd = remaining.map { now + max($0, .milliseconds(1)) }
        switch reason {
        case .asked, .moved, .late: break
        // The estimate was ahead of the server's clock; now it is not.
        case .early: notBefore = now + .milliseconds(1)
        case .paused: isPaused = true
        case .running:
            awaitsEnd = true
            notBefore = now + min(max(remaining ?? Self.patience, .milliseconds(1)), Self.patience)
        }
    }

    /// From now on this schedule is in force.
    mutating func follow(_ timetable: Timetable) {
        self.timetable = timetable
        mustLook = true
    }

    /// The schedule in force cannot be read: ticks are left to instances that can.
    mutating func standBack(at now: ContinuousClock.Instant) {
        awaitsEnd = false
        notBefore = now + Self.freshness
    }

    /// Somebody announced that there may be something to run.
    mutating func wake() {
        mustLook = true
        notBefore = nil
    }

    /// No answer came; or the server refused, and will most likely do so again. While there is no connection,
    /// calls wait for it by themselves.
    mutating func failed(refused: Bool, at now: ContinuousClock.Instant) {
        awaitsEnd = false
        notBefore = now + (refused ? Self.patience : .milliseconds(100))
    }
}

/// Decides for one worker what to do next: ask for the cursor, wait, or claim a tick.
///
/// Replies in, steps out; no clock, no connection. The cursor is the nominal instant of the newest tick that
/// anybody claimed. A tick is claimed by naming the cursor one knows; if it has moved, the reply brings the
/// new one.
struct TickMachine: Sendable {
    enum Step: Hashable, Sendable {
        /// Ask for the cursor and the server's time.
        case ask
        case wait(until: ContinuousClock.Instant)
        /// Claim the tick `nominal`, provided the cursor is still `cursor`.
        case claim(nominal: Int64, cursor: Int64?)
    }

    enum Answer: Hashable, Sendable {
        case claimed(FencingToken)
        /// The cursor is another one: nil where the worker has never run.
        case moved(cursor: Int64?)
        /// The server's clock says that the tick is not due yet.
        case early
        /// An earlier tick still runs; its lease lasts so long unless it is renewed.
        case running(remaining: Duration?)
    }

    /// An estimate of the server's clock, and the knowledge of the cursor, are not trusted for longer.
    static let freshness: Duration = .seconds(60)
    /// A run that ends early does not tell; so look this often whether a tick that is due can start.
    static let patience: Duration = .seconds(1)

    private let timetable: Timetable
    private var clock: ServerClock?
    private var cursor: Int64?
    /// Ticks up to this one are past for this instance: claimed by somebody, or due before it ever looked.
    private var past: Int64?
    private var notBefore: ContinuousClock.Instant?

    init(_ timetable: Timetable) {
        self.timetable = timetable
    }

    func next(at now: ContinuousClock.Instant) -> Step {
        if let notBefore, now < notBefore { return .wait(until: notBefore) }
        guard let clock, let past, clock.age(at: now) < Self.freshness else { return .ask }
        // Of the ticks that came due, all but the newest are skipped.
        if let nominal = timetable.newestDue(after: past, at: clock.milliseconds(at: now)) {
            return .claim(nominal: nominal, cursor: cursor)
        }
        let next = timetable.first(after: past).map { clock.instant(of: timetable.due($0)) }
        return .wait(until: min(next ?? now + Self.freshness, now + Self.freshness))
    }

    /// The server answered the claim of `nominal`, or a question, when its clock showed `serverTime`.
    mutating func answered(
        _ answer: Answer, nominal: Int64?, serverTime: Int64, at now: ContinuousClock.Instant
    ) {
        clock = ServerClock(milliseconds: serverTime, receivedAt: now)
        notBefore = nil
        switch answer {
        case .claimed:
            cursor = nominal
            past = nominal
        case .moved(let moved):
            cursor = moved
            // A cursor that was lost or fell back does not bring back ticks that this instance saw claimed.
            past = [past, moved].compactMap(\.self).max() ?? timetable.beginning(at: serverTime)
        case .early:
            // The estimate was ahead of the server's clock; now it is not.
            notBefore = now + .milliseconds(1)
        case .running(let remaining):
            notBefore = now + min(max(remaining ?? Self.patience, .milliseconds(1)), Self.patience)
        }
    }

    /// No answer came; or the server refused, and will most likely do so again. While there is no connection,
    /// calls wait for it by themselves.
    mutating func failed(refused: Bool, at now: ContinuousClock.Instant) {
        notBefore = now + (refused ? Self.patience : .milliseconds(100))
    }
}

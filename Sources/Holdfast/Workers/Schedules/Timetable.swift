import RedisLink

/// The ticks of one worker: its schedule, with what the worker's name adds to it.
///
/// A pure function; all instants are milliseconds since 1970 on the server. The *cursor* is the instant up to
/// which all ticks are past: the nominal instant of the newest claimed tick, or the end of the last run where
/// the schedule is a delay after it.
struct Timetable: Sendable {
    let schedule: Schedule
    private let seed: UInt64
    private let phase: Int64

    init(_ schedule: Schedule, worker: String) {
        self.schedule = schedule
        seed = StableHash.of(worker)
        phase =
            if case .rate(let period, let phase) = schedule.timing, schedule.isSpread {
                (phase + Int64(seed >> 2)).modulo(max(period, 1))
            } else if case .rate(_, let phase) = schedule.timing {
                phase
            } else {
                0
            }
    }

    /// The first nominal instant after the cursor. Nil if there is none for decades.
    func first(after cursor: Int64) -> Int64? {
        switch schedule.timing {
        case .rate(let period, _): cursor - (cursor - phase).modulo(period) + period
        case .delay(let delay): cursor + delay
        case .cron(let times): times.first(after: cursor.floorDivided(by: 1000)).map { $0 * 1000 }
        }
    }

    /// When the tick of this nominal instant may begin: later by its jitter.
    func due(_ nominal: Int64) -> Int64 {
        guard schedule.jitter > 0, let next = first(after: nominal) else { return nominal }
        let range = min(schedule.jitter, next - nominal - 1)
        guard range > 0 else { return nominal }
        return nominal + Int64(StableHash.mixed(seed ^ UInt64(bitPattern: nominal)) % UInt64(range + 1))
    }

    /// The newest tick after the cursor that is due at `now`.
    func newestDue(after cursor: Int64, at now: Int64) -> Int64? {
        guard let newest = newest(after: cursor, notAfter: now) else { return nil }
        // A tick begins before the next one's nominal instant, so the one before the newest is due.
        return due(newest) <= now ? newest : self.newest(after: cursor, notAfter: newest - 1)
    }

    /// When the next tick is due of those that are not missed at `now`.
    func nextDue(after cursor: Int64, at now: Int64) -> Int64? {
        first(after: newestDue(after: cursor, at: now) ?? cursor).map(due)
    }

    /// The tick to run at `now`, by what becomes of missed ones. Nil if there is none.
    func tick(after cursor: Int64, at now: Int64, _ missed: MissedTicks) -> Int64? {
        guard let newest = newestDue(after: cursor, at: now) else { return nil }
        switch missed {
        case .once: return newest
        case .skip: return latest(due(newest), missed).map { now <= $0 } ?? true ? newest : nil
        case .catchUp(let most): return oldest(of: most, after: cursor, upTo: newest)
        }
    }

    /// The instant after which it is too late for a tick that was due at `due`; nil if it never is.
    func latest(_ due: Int64, _ missed: MissedTicks) -> Int64? {
        guard case .skip(let tolerance) = missed, !schedule.followsRuns else { return nil }
        return due + tolerance.wholeMilliseconds
    }

    /// The first of the ticks after the cursor up to `newest`, of which only the last `most` count.
    private func oldest(of most: Int, after cursor: Int64, upTo newest: Int64) -> Int64? {
        guard let first = first(after: cursor) else { return nil }
        var tick = first
        for _ in 1..<most where tick < newest { tick = self.first(after: tick) ?? newest }
        if tick >= newest { return first }
        tick = newest
        for _ in 1..<most { tick = self.newest(after: cursor, notAfter: tick - 1) ?? tick }
        return tick
    }

    /// The cursor to begin with, for a worker that has never run.
    func beginning(at now: Int64) -> Int64 {
        guard schedule.runsOnStart else { return now }
        if case .delay(let delay) = schedule.timing { return now - delay }
        let fiftyYears: Int64 = 50 * 366 * 86_400_000
        return newestDue(after: now - fiftyYears, at: now).map { $0 - 1 } ?? now
    }

    /// The newest nominal instant after the cursor that is not after `instant`.
    private func newest(after cursor: Int64, notAfter instant: Int64) -> Int64? {
        guard var found = first(after: cursor), found <= instant else { return nil }
        switch schedule.timing {
        case .rate(let period, _): return instant - (instant - phase).modulo(period)
        case .delay: return found
        case .cron: break
        }
        // Between `found` and `end` there may be more; the interval is halved until there is no room for one.
        var end = instant
        while end - found >= 1000 {
            let middle = found + (end - found) / 2
            if let next = first(after: middle), next <= instant {
                found = next
            } else {
                end = middle
            }
        }
        return found
    }
}

/// A hash that is the same in all processes and for all time, unlike that of `Hasher`.
enum StableHash {
    /// FNV-1a.
    static func of(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return mixed(hash)
    }

    /// The finalizer of SplitMix64: every bit of the input changes half of the output's.
    static func mixed(_ value: UInt64) -> UInt64 {
        var value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

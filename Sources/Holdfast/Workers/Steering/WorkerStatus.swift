public import Foundation

/// A periodic worker, as Redis knows it.
public struct WorkerStatus: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// The schedule in force; nil if this version of the library cannot read it.
    public let schedule: Schedule?
    /// The text of the schedule in force.
    public let scheduleText: String
    /// The highest ``WorkerOptions/version`` that has run.
    public let version: Int
    /// Whether the schedule in force was set by ``WorkerHandle/reschedule(to:)``.
    public let isRescheduled: Bool
    /// When it was paused, by the server's clock; nil if it is not paused.
    public let pausedSince: Date?
    /// When a run was requested that has not begun yet.
    public let triggered: Date?
    /// When the next tick is due by the schedule in force; nil if that is not known. Ticks that have been
    /// missed already do not count.
    public let nextTick: Date?
    /// How far the newest tick lies ahead of the server's clock, if that was set back; otherwise nil. No tick
    /// comes due for this long, unless ``WorkerHandle/rewind()`` is called.
    public let clockLag: Duration?
    /// The fields of the worker in Redis that this version of the library cannot read. If there are any, no
    /// instance of this version runs the worker.
    public let unreadable: [String]
    /// The runs under way, and those that ended without a record and have not been noticed yet.
    public let runs: [CurrentRun]
    /// The newest run of the history.
    public let lastRun: WorkerRun?

    /// - Parameters:
    ///   - fields: those of the worker's hash.
    ///   - isHeld: whether the lock of a slot names that token.
    init(
        name: String, fields: [String: String], serverTime: Int64, isHeld: (Int, String) -> Bool,
        lastRun: WorkerRun?
    ) {
        func instant(_ field: String) -> Int64? {
            fields[field].flatMap(Int64.init).flatMap { ServerClock.range.contains($0) ? $0 : nil }
        }
        self.name = name
        self.lastRun = lastRun
        scheduleText = fields["schedule"] ?? ""
        schedule = try? Schedule.parse(scheduleText)
        version = fields["version"].flatMap(Int.init) ?? 0
        isRescheduled = fields["by"] == "operator"
        pausedSince = instant("paused").map(Date.init(serverTime:))
        triggered = instant("trigger").map(Date.init(serverTime:))
        var unreadable = ["paused", "trigger"].filter { fields[$0] != nil && instant($0) == nil }
        var runs: [CurrentRun] = []
        for slot in 1...16 {
            guard let text = fields["run:\(slot)"] else { continue }
            if let run = CurrentRun(
                worker: name, text, serverTime: serverTime, isHeld: { isHeld(slot, $0) })
            {
                runs.append(run)
            } else {
                unreadable.append("run:\(slot)")
            }
        }
        self.runs = runs
        let cursor = fields["cursor"].flatMap(TickInstant.init)?.milliseconds
        if fields["cursor"] != nil, cursor == nil { unreadable.append("cursor") }
        if schedule == nil { unreadable.append("schedule") }
        self.unreadable = unreadable.sorted()
        clockLag = cursor.flatMap { ServerClock.lead(of: $0, over: serverTime) }
        nextTick =
            if let schedule, let cursor {
                Timetable(schedule, worker: name).nextDue(after: cursor, at: serverTime)
                    .map(Date.init(serverTime:))
            } else {
                nil
            }
    }
}

extension WorkerStatus {
    /// A run of a periodic worker whose end is not recorded yet.
    public struct CurrentRun: Hashable, Sendable {
        /// As in ``Tick/id``.
        public let tickID: String
        /// The number of the attempt, from 1; higher for a run that was begun again.
        public let attempt: Int
        /// Its fence.
        public let fencingToken: FencingToken
        /// When it began, by the server's clock.
        public let began: Date
        /// How long it has been under way.
        public let duration: Duration
        /// The host on which it runs.
        public let host: String
        /// Its process on that host.
        public let pid: Int32
        /// The instance that runs it; empty if it was handed back and waits to be begun again.
        public let instanceID: String
        /// Whether its lease still lasts. If not, the run is over without a recorded end, and the next
        /// instance that looks will notice.
        public let isHeld: Bool

        /// - Parameter text: the worker's field `run:<slot>`, see tick.lua.
        init?(worker: String, _ text: String, serverTime: Int64, isHeld: (String) -> Bool) {
            let parts = text.split(separator: " ", maxSplits: 6).map(String.init)
            guard parts.count == 7, let nominal = TickInstant(parts[0]), let attempt = Int(parts[2]),
                let fence = Int64(parts[3]), let begun = Int64(parts[4]), ServerClock.range.contains(begun),
                ["tick", "trigger"].contains(parts[1])
            else { return nil }
            tickID = nominal.tickID(of: worker, isTriggered: parts[1] == "trigger")
            self.attempt = attempt
            fencingToken = FencingToken(rawValue: fence)
            began = Date(serverTime: begun)
            duration = .milliseconds(serverTime.since(begun))
            instanceID = Instance.id(inToken: parts[5]) ?? ""
            (pid, host) = WorkerRun.place(parts[6])
            self.isHeld = isHeld(parts[5])
        }
    }
}

extension Date {
    init(serverTime: Int64) { self.init(timeIntervalSince1970: Double(serverTime) / 1000) }
}

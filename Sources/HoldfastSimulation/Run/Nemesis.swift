internal import Processes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Carries out the faults of a plan: strikes, waits until each is known to have hit, and ends the pauses.
struct Nemesis {
    private var schedule: FaultSchedule
    private(set) var strikes: [StrikeRecord] = []
    private let lease: Duration
    private let report: @Sendable (SimulationEvent) -> Void

    init(_ plan: FaultPlan, lease: Duration, report: @escaping @Sendable (SimulationEvent) -> Void) {
        schedule = FaultSchedule(plan)
        self.lease = lease
        self.report = report
    }

    var pendingCount: Int { schedule.pending.count }

    /// Whether no fault is pending and none is in progress.
    var isDone: Bool {
        schedule.pending.isEmpty
            && strikes.allSatisfy { $0.hitAt != nil && ($0.endedAt != nil || $0.fault.kind == .kill) }
    }

    func feedLimit(total: Int, margin: Int) -> Int {
        schedule.feedLimit(total: total, margin: margin)
    }

    /// One step: follows up on the faults in progress, and strikes with the next one that is due.
    mutating func step(
        _ progress: Double, tickRunner: Author?, _ fleet: inout Fleet, _ server: SimulationServer
    )
        async throws
    {
        for index in strikes.indices { follow(index, &fleet) }
        let situation = FaultSchedule.Situation(
            progress: progress,
            healthySlots: fleet.healthySlots.subtracting(wakingSlots),
            tickRunner: aTickIsFrozen
                ? nil : tickRunner.flatMap { fleet.members[$0.slot]?.child.pid == $0.pid ? $0.slot : nil }
        )
        guard let strike = schedule.next(in: situation) else { return }
        var record = StrikeRecord(
            fault: strike.fault, slot: strike.slot, pid: strike.slot.flatMap { fleet.members[$0]?.child.pid })
        report(.fault(Self.told(strike, pid: record.pid, progress: progress)))
        switch (strike.fault.kind, strike.slot) {
        case (.kill, let slot?):
            fleet.signal(slot, SIGKILL, endingCause: .killed)
        case (.pause, let slot?):
            fleet.signal(slot, SIGSTOP)
        case (.restartRedis, _):
            record.hitAt = BootClock.now()
            try await server.restart(down: Self.serverDownTime)
            record.endedAt = BootClock.now()
        case (.kill, nil), (.pause, nil):
            preconditionFailure("a strike at an instance knows its slot")
        }
        strikes.append(record)
    }

    /// The slots whose pause ended a moment ago. They are spared until they have finished what they were
    /// frozen in, which is what the pause was for.
    private var wakingSlots: Set<Int> {
        let recently = BootClock.now() - lease.wholeNanoseconds / 2
        return Set(
            strikes.filter { $0.fault.kind == .pause && $0.endedAt ?? 0 > recently }.compactMap(\.slot))
    }

    /// While one tick is frozen, the next runner is left alone: its write is what makes the frozen one stale.
    private var aTickIsFrozen: Bool {
        strikes.contains { $0.fault.kind == .pause && $0.fault.victim == .tickRunner && $0.endedAt == nil }
    }

    /// Notes when a victim is known to be hit, and continues it when its pause is over.
    private mutating func follow(_ index: Int, _ fleet: inout Fleet) {
        let record = strikes[index]
        guard let slot = record.slot, record.endedAt == nil else { return }
        let child = fleet.members[slot].flatMap { $0.child.pid == record.pid ? $0.child : nil }
        switch record.fault.kind {
        case .kill where record.hitAt == nil:
            let isKilled = fleet.endings.contains { $0.author.pid == record.pid && $0.cause == .killed }
            if isKilled || child?.state == .killed(signal: SIGKILL) { strikes[index].hitAt = BootClock.now() }
        case .pause:
            guard let hitAt = record.hitAt else {
                if child?.state == .stopped(signal: SIGSTOP) { strikes[index].hitAt = BootClock.now() }
                return
            }
            let length = Double(lease.wholeNanoseconds) * (record.fault.pauseInLeases ?? 0)
            guard BootClock.now() - hitAt >= Int64(length) else { return }
            strikes[index].endedAt = BootClock.now()
            fleet.signal(slot, SIGCONT)
            report(.fault("instance \(slot) continues after its pause"))
        case .kill, .restartRedis:
            return
        }
    }

    private static let serverDownTime = Duration.milliseconds(500)

    private static func told(_ strike: FaultSchedule.Strike, pid: Int32?, progress: Double) -> String {
        let moment = "at \(SummaryText.percent(progress).drop { $0 == " " })"
        let victim =
            strike.slot.map { "instance \($0) (pid \(pid.map(String.init) ?? "?"))" } ?? "redis-server"
        switch strike.fault.kind {
        case .kill: return "\(moment): \(victim) is killed"
        case .pause where strike.fault.victim == .tickRunner:
            return "\(moment): \(victim) is paused in a tick"
        case .pause: return "\(moment): \(victim) is paused"
        case .restartRedis: return "\(moment): redis-server is killed and started again"
        }
    }
}

extension Duration {
    var wholeNanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}

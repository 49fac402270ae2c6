internal import Foundation
internal import Processes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The instances' processes: one in each slot, and how the earlier ones ended.
struct Fleet {
    struct Member {
        let child: ChildProcess
        /// Kept open as long as the instance is to live.
        let lifeLine: LifeLine
        let lastWords: LastWords
        var isUp = false
        var endingCause = InstanceEnding.Cause.byItself
    }

    private let request: SimulationRequest
    private let workspace: Workspace
    private(set) var members: [Int: Member] = [:]
    private(set) var endings: [InstanceEnding] = []
    /// Why an instance could not continue, through no fault of the service that it simulates.
    private(set) var harnessFailure: String?

    init(_ request: SimulationRequest, _ workspace: Workspace) {
        self.request = request
        self.workspace = workspace
    }

    /// The slots whose instance is up, not paused, and not about to end by a signal that was already sent.
    var healthySlots: Set<Int> {
        Set(
            members.filter {
                $0.value.isUp && $0.value.child.state == .running && $0.value.endingCause == .byItself
            }.keys)
    }

    var pausedCount: Int {
        members.values.count { if case .stopped = $0.child.state { true } else { false } }
    }

    var allAreUp: Bool {
        healthySlots.count == request.instances
    }

    /// Fills the slots that have no instance.
    mutating func fill() throws {
        for slot in 1...request.instances where members[slot] == nil {
            let (lifeLine, lastWords) = (try LifeLine(), try LastWords())
            var plan = SpawnPlan(
                request.executable, request.instanceArguments + [workspace.configuration, String(slot)])
            plan.withheld = ["HOLDFAST_REDIS_URL"]
            plan.input = .descriptor(lifeLine.childEnd)
            plan.output = .descriptor(lastWords.childEnd)
            plan.error = .appending(path: workspace.log(slot: slot))
            members[slot] = Member(child: try plan.start(), lifeLine: lifeLine, lastWords: lastWords)
        }
    }

    /// Notes which instances have reported that they are up, and removes those that have ended from their
    /// slots.
    mutating func update(upPIDs: Set<Int32>) {
        for (slot, member) in members {
            switch member.child.state {
            case .running, .stopped:
                if upPIDs.contains(member.child.pid) { members[slot]?.isUp = true }
            case .exited(let status):
                remove(slot, member, exitStatus: status)
            case .killed:
                remove(slot, member, exitStatus: nil)
            }
        }
    }

    private mutating func remove(_ slot: Int, _ member: Member, exitStatus: Int32?) {
        var ending = InstanceEnding(
            author: Author(slot: slot, pid: member.child.pid), cause: member.endingCause,
            exitStatus: exitStatus)
        if exitStatus == LastWords.status, let words = member.lastWords.read() {
            harnessFailure = harnessFailure ?? "instance \(slot): \(words)"
        }
        if !ending.isClean { ending.lastWords = workspace.lastWords(slot: slot) }
        endings.append(ending)
        members[slot] = nil
    }

    /// Signals an instance. If it ends, its end is attributed to `cause`.
    mutating func signal(_ slot: Int, _ number: Int32, endingCause cause: InstanceEnding.Cause? = nil) {
        guard let member = members[slot], member.child.signal(number) else { return }
        if let cause { members[slot]?.endingCause = cause }
    }

    /// Stops all instances: gracefully, and by force if they do not stop in time. Returns when none is left.
    mutating func stop(within patience: Duration) async {
        await end(SIGTERM, .asked, within: patience)
        await end(SIGKILL, .forced, within: .seconds(30))
    }

    private mutating func end(
        _ number: Int32, _ cause: InstanceEnding.Cause, within patience: Duration
    ) async {
        let limit = ContinuousClock.now + patience
        for slot in members.keys {
            signal(slot, number, endingCause: cause)
            signal(slot, SIGCONT)
        }
        while !members.isEmpty, ContinuousClock.now < limit {
            update(upPIDs: [])
            if !members.isEmpty { try? await Task.sleep(for: .milliseconds(5)) }
        }
    }
}

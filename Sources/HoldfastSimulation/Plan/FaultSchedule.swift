/// Decides which fault of a plan strikes now, from the state of the run. Values in, faults out: it has no
/// clock and touches no process.
package struct FaultSchedule: Sendable {
    /// What the schedule needs to know about the run.
    package struct Situation: Sendable {
        /// The fraction of all messages whose effect is done, from 0 to 1.
        package var progress: Double
        /// The slots whose instance is up and not paused.
        package var healthySlots: Set<Int>
        /// The slot whose instance is between the start and the write of a tick.
        package var tickRunner: Int?

        package init(progress: Double, healthySlots: Set<Int>, tickRunner: Int?) {
            self.progress = progress
            self.healthySlots = healthySlots
            self.tickRunner = tickRunner
        }
    }

    /// A fault that strikes now, with the slot of its victim: nil for redis-server.
    package struct Strike: Hashable, Sendable {
        package var fault: Fault
        package var slot: Int?

        package init(fault: Fault, slot: Int?) {
            self.fault = fault
            self.slot = slot
        }
    }

    package private(set) var pending: [Fault]

    package init(_ plan: FaultPlan) {
        pending = plan.faults
    }

    /// The next fault whose moment has come and whose victim can be hit. A fault whose victim is down or
    /// asleep waits, without holding up those after it; killing a process that is paused would only cut the
    /// pause short.
    package mutating func next(in situation: Situation) -> Strike? {
        for (index, fault) in pending.enumerated() where fault.moment <= situation.progress {
            switch fault.victim {
            case .slot(let slot) where situation.healthySlots.contains(slot):
                pending.remove(at: index)
                return Strike(fault: fault, slot: slot)
            case .tickRunner:
                guard let slot = situation.tickRunner, situation.healthySlots.contains(slot) else { continue }
                pending.remove(at: index)
                return Strike(fault: fault, slot: slot)
            case .redis:
                pending.remove(at: index)
                return Strike(fault: fault, slot: nil)
            case .slot:
                continue
            }
        }
        return nil
    }

    /// How many of `total` messages may have been sent while faults are pending: those up to the moment of
    /// the next fault, and `margin` more. The messages held back here are the work that is still under way
    /// when the fault strikes.
    package func feedLimit(total: Int, margin: Int) -> Int {
        guard let next = pending.first else { return total }
        return min(total, Int(next.moment * Double(total)) + margin)
    }
}

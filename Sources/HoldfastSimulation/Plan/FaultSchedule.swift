/// Decides which fault of a plan strikes now, from what the run has come to. Values in, faults out: it has no
/// clock and touches no process.
package struct FaultSchedule: Sendable {
    /// What the schedule needs to know about the run.
    package struct Situation: Sendable {
        /// The part of all messages whose effect is done, from 0 to 1.
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

    /// A fault that strikes now, with its victim found: nil for redis-server.
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
    /// asleep waits, without holding up those behind it; killing a process that sleeps would only cut the
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

    /// How many of `total` messages may be in the queue's past or present while faults are pending: up to the
    /// moment of the next one and `margin` more. What is held back here is the work that is still going on
    /// when the fault strikes.
    package func feedLimit(total: Int, margin: Int) -> Int {
        guard let next = pending.first else { return total }
        return min(total, Int(next.moment * Double(total)) + margin)
    }
}

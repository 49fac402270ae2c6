import HoldfastTesting
import Testing

@testable import Holdfast

@Suite("The tick machine")
struct TickMachineTests {
    let start = ContinuousClock.now
    let fence = FencingToken(rawValue: 1)

    func at(_ milliseconds: Int64) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    /// A machine of a period of one second that learned at `start` that the server shows 10,500 ms.
    func machine(_ schedule: Schedule = .every(.seconds(1)), cursor: Int64? = nil) -> TickMachine {
        var machine = TickMachine(Timetable(schedule, worker: "w"))
        #expect(machine.next(at: start) == .ask)
        machine.answered(.moved(cursor: cursor), nominal: nil, serverTime: 10_500, at: start)
        return machine
    }

    @Test("waits for the next tick of a worker that never ran")
    func firstEver() {
        let machine = machine()
        #expect(machine.next(at: start) == .wait(until: at(500)))
        #expect(machine.next(at: at(500)) == .claim(nominal: 11_000, cursor: nil))
    }

    @Test("runs the tick that is due already where the schedule asks for it")
    func onStart() {
        let machine = machine(.every(.seconds(1), runOnStart: true))
        #expect(machine.next(at: start) == .claim(nominal: 10_000, cursor: nil))
    }

    @Test("runs only the newest of the ticks that came due while nobody ran")
    func missed() {
        let machine = machine(cursor: 3_000)
        #expect(machine.next(at: start) == .claim(nominal: 10_000, cursor: 3_000))
    }

    @Test("never claims a tick at or before the cursor")
    func claimedByAnother() {
        var machine = machine(cursor: 10_000)
        #expect(machine.next(at: at(499)) == .wait(until: at(500)))
        #expect(machine.next(at: at(520)) == .claim(nominal: 11_000, cursor: 10_000))
        machine.answered(.moved(cursor: 11_000), nominal: 11_000, serverTime: 11_020, at: at(520))
        #expect(machine.next(at: at(520)) == .wait(until: at(1_500)))
    }

    @Test("skips the ticks that came due while it ran one")
    func longRun() {
        var machine = machine(cursor: 10_000)
        machine.answered(.claimed(fence), nominal: 11_000, serverTime: 11_000, at: at(500))
        #expect(machine.next(at: at(3_700)) == .claim(nominal: 14_000, cursor: 11_000))
    }

    @Test("looks again before the run of another ends, and claims the tick that is then the newest")
    func overlap() {
        var machine = machine(cursor: 10_000)
        machine.answered(.running(remaining: .seconds(20)), nominal: 11_000, serverTime: 11_000, at: at(500))
        #expect(machine.next(at: at(500)) == .wait(until: at(1_500)))
        #expect(machine.next(at: at(1_600)) == .claim(nominal: 12_000, cursor: 10_000))
        machine.answered(
            .running(remaining: .milliseconds(30)), nominal: 12_000, serverTime: 12_100, at: at(1_600))
        #expect(machine.next(at: at(1_600)) == .wait(until: at(1_630)))
    }

    @Test("takes the server's word that a tick is not due")
    func early() {
        var machine = machine(cursor: 10_000)
        machine.answered(.early, nominal: 11_000, serverTime: 10_990, at: at(500))
        #expect(machine.next(at: at(500)) == .wait(until: at(501)))
        #expect(machine.next(at: at(501)) == .wait(until: at(510)))
    }

    @Test("does not run a tick again when Redis lost the cursor")
    func lostCursor() {
        var machine = machine(cursor: 10_000)
        machine.answered(.claimed(fence), nominal: 11_000, serverTime: 11_000, at: at(500))
        machine.answered(.moved(cursor: nil), nominal: 12_000, serverTime: 12_000, at: at(1_500))
        #expect(machine.next(at: at(1_400)) == .wait(until: at(1_500)))
        #expect(machine.next(at: at(1_500)) == .claim(nominal: 12_000, cursor: nil))
        machine.answered(.moved(cursor: 9_000), nominal: 12_000, serverTime: 12_000, at: at(1_500))
        #expect(machine.next(at: at(1_500)) == .claim(nominal: 12_000, cursor: 9_000))
    }

    @Test("asks again after a minute, soon after a failure, and a second after a refusal")
    func freshness() {
        var machine = machine(.every(.seconds(3_600)), cursor: 0)
        #expect(machine.next(at: start) == .wait(until: at(60_000)))
        #expect(machine.next(at: at(60_000)) == .ask)
        machine.failed(refused: false, at: at(60_000))
        #expect(machine.next(at: at(60_000)) == .wait(until: at(60_100)))
        machine.failed(refused: true, at: at(60_000))
        #expect(machine.next(at: at(60_000)) == .wait(until: at(61_000)))
        #expect(machine.next(at: at(61_000)) == .ask)
    }

    @Test("one of many machines claims each tick, in any order of their calls", arguments: 0..<50)
    func manyMachines(seed: UInt64) {
        // A model of tick.lua, with runs that take no time.
        var random = SeededGenerator(seed: seed)
        var machines = (0..<4).map { _ in TickMachine(Timetable(.every(.milliseconds(100)), worker: "w")) }
        var cursor: Int64?
        var claimed: [Int64] = []
        var now: Int64 = 0
        while now < 3_000 {
            now += .random(in: 0...40, using: &random)
            let index = Int.random(in: 0..<4, using: &random)
            switch machines[index].next(at: at(now)) {
            case .wait: break
            case .ask:
                machines[index].answered(.moved(cursor: cursor), nominal: nil, serverTime: now, at: at(now))
            case .claim(let nominal, let expected):
                let answer: TickMachine.Answer
                if expected != cursor {
                    answer = .moved(cursor: cursor)
                } else if now < nominal {
                    answer = .early
                } else {
                    answer = .claimed(fence)
                    cursor = nominal
                    claimed.append(nominal)
                }
                machines[index].answered(answer, nominal: nominal, serverTime: now, at: at(now))
            }
        }
        #expect(claimed == Array(Set(claimed)).sorted())
        #expect(claimed.count >= 20)
    }
}

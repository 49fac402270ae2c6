import RedisTestRig
import Testing

@testable import Holdfast

@Suite("The tick machine")
struct TickMachineTests {
    typealias DueTick = TickMachine.DueTick
    let start = ContinuousClock.now

    func at(_ milliseconds: Int64) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    func tick(_ nominal: Int64, cursor: Int64, latest: Int64? = nil) -> TickMachine.Step {
        .look(.init(tick: DueTick(nominal: nominal, cursor: cursor, due: nominal, latest: latest)))
    }

    func waiting(
        _ reason: TickAnswer.Reason, cursor: Int64?, _ serverTime: Int64, remaining: Duration? = nil
    ) -> TickAnswer {
        TickAnswer(verdict: .waiting(reason, remaining: remaining), serverTime: serverTime, cursor: cursor)
    }

    func claimed(_ nominal: Int64, _ serverTime: Int64) -> TickAnswer {
        let run = ClaimedRun(
            nominal: nominal, isTriggered: false, attempt: 1, fence: FencingToken(rawValue: 1), slot: 1)
        return TickAnswer(verdict: .claimed(run), serverTime: serverTime, cursor: nominal)
    }

    /// A machine of a period of one second that learned at `start` that the server shows 10,500 ms.
    func machine(
        _ schedule: Schedule = .every(.seconds(1)), missed: MissedTicks = .once, cursor: Int64
    ) -> TickMachine {
        var machine = TickMachine(Timetable(schedule, worker: "w"), missed: missed)
        #expect(machine.next(at: start) == .look(.init()))
        machine.answered(waiting(.asked, cursor: cursor, 10_500), at: start)
        return machine
    }

    @Test(
        "begins the cursor of a worker that never ran now, or before the tick that is due where it runs on start",
        arguments: [(false, 11_000), (true, 10_000)])
    func firstEver(runOnStart: Bool, first: Int64) {
        let timetable = Timetable(.every(.seconds(1), runOnStart: runOnStart), worker: "w")
        var machine = TickMachine(timetable)
        machine.answered(waiting(.asked, cursor: nil, 10_500), at: start)
        guard case .look(let look) = machine.next(at: start), let seed = look.seed else {
            Issue.record("the machine asked for no cursor")
            return
        }
        #expect(look.tick == nil)
        machine.answered(waiting(.asked, cursor: seed, 10_500), at: start)
        #expect(machine.next(at: at(600)) == tick(max(first, runOnStart ? 11_000 : first), cursor: seed))
        #expect(timetable.first(after: seed) == first)
    }

    @Test("runs only the newest of the ticks that came due while nobody ran")
    func missedOnce() {
        #expect(machine(cursor: 3_000).next(at: start) == tick(10_000, cursor: 3_000))
    }

    @Test("runs none of the missed ticks where they are to be skipped, but one that is hardly late")
    func missedSkip() {
        let late = machine(missed: .skip(tolerance: .milliseconds(400)), cursor: 3_000)
        #expect(late.next(at: start) == .wait(until: at(500)))
        #expect(late.next(at: at(500)) == tick(11_000, cursor: 3_000, latest: 11_400))
        let tolerant = machine(missed: .skip(tolerance: .milliseconds(600)), cursor: 3_000)
        #expect(tolerant.next(at: start) == tick(10_000, cursor: 3_000, latest: 10_600))
    }

    @Test("runs the missed ticks one by one where they are to be caught up, from the last so many on")
    func missedCatchUp() {
        var few = machine(missed: .catchUp(atMost: 10), cursor: 8_000)
        #expect(few.next(at: start) == tick(9_000, cursor: 8_000))
        few.answered(claimed(9_000, 10_510), at: at(10))
        #expect(few.next(at: at(10)) == tick(10_000, cursor: 9_000))
        #expect(
            machine(missed: .catchUp(atMost: 3), cursor: 1_000).next(at: start) == tick(8_000, cursor: 1_000))
        #expect(
            machine(missed: .catchUp(atMost: 1), cursor: 1_000).next(at: start) == tick(10_000, cursor: 1_000)
        )
    }

    @Test("never claims a tick at or before the cursor")
    func claimedByAnother() {
        var machine = machine(cursor: 10_000)
        #expect(machine.next(at: at(499)) == .wait(until: at(500)))
        #expect(machine.next(at: at(520)) == tick(11_000, cursor: 10_000))
        machine.answered(waiting(.moved, cursor: 11_000, 11_020), at: at(520))
        #expect(machine.next(at: at(520)) == .wait(until: at(1_500)))
    }

    @Test("looks again before the run of another ends, and claims the tick that is then the newest")
    func overlap() {
        var machine = machine(cursor: 10_000)
        machine.answered(waiting(.running, cursor: 10_000, 11_000, remaining: .seconds(20)), at: at(500))
        #expect(machine.next(at: at(500)) == .poll(at: at(1_500), due: at(20_500)))
        #expect(machine.next(at: at(1_600)) == tick(12_000, cursor: 10_000))
        machine.answered(
            waiting(.running, cursor: 10_000, 12_100, remaining: .milliseconds(30)), at: at(1_600))
        #expect(machine.next(at: at(1_600)) == .wait(until: at(1_630)))
    }

    @Test("looks when the lease of a run ends that may have died, though no tick is due")
    func deadRun() {
        var machine = machine(.every(.seconds(3600)), cursor: 0)
        machine.answered(waiting(.asked, cursor: 0, 10_500, remaining: .seconds(5)), at: start)
        #expect(machine.next(at: start) == .wait(until: at(5_000)))
        #expect(machine.next(at: at(5_000)) == .look(.init()))
    }

    @Test("claims no tick of a paused worker, until it is woken or a minute is over")
    func paused() {
        var machine = machine(cursor: 3_000)
        machine.answered(waiting(.paused, cursor: 3_000, 10_500), at: start)
        #expect(machine.next(at: start) == .poll(at: at(60_000), due: nil))
        machine.wake()
        #expect(machine.next(at: at(1)) == .look(.init()))
    }

    @Test("takes the server's word that a tick is not due")
    func early() {
        var machine = machine(cursor: 10_000)
        machine.answered(waiting(.early, cursor: 10_000, 10_990), at: at(500))
        #expect(machine.next(at: at(500)) == .wait(until: at(501)))
        #expect(machine.next(at: at(501)) == .wait(until: at(510)))
    }

    @Test("does not run a tick again when Redis lost the cursor, or went back to an older one")
    func lostCursor() {
        var machine = machine(cursor: 10_000)
        machine.answered(claimed(11_000, 11_000), at: at(500))
        machine.answered(waiting(.moved, cursor: nil, 11_400), at: at(900))
        #expect(machine.next(at: at(900)) == .look(.init(seed: 11_000)))
        machine.answered(waiting(.asked, cursor: 9_000, 11_400), at: at(900))
        #expect(machine.next(at: at(900)) == .wait(until: at(1_500)))
        #expect(machine.next(at: at(1_500)) == tick(12_000, cursor: 9_000))
    }

    @Test("asks again after a minute, soon after a failure, and a second after a refusal")
    func freshness() {
        var machine = machine(.every(.seconds(3_600)), cursor: 0)
        #expect(machine.next(at: start) == .poll(at: at(60_000), due: at(3_589_500)))
        #expect(machine.next(at: at(60_000)) == .look(.init()))
        machine.failed(refused: false, at: at(60_000))
        #expect(machine.next(at: at(60_000)) == .wait(until: at(60_100)))
        machine.failed(refused: true, at: at(60_000))
        #expect(machine.next(at: at(60_000)) == .wait(until: at(61_000)))
        #expect(machine.next(at: at(61_000)) == .look(.init()))
    }

    @Test("one of many machines claims each tick, in any order of their calls", arguments: 0..<50)
    func manyMachines(seed: UInt64) {
        let catchesUp = seed.isMultiple(of: 2)
        let nominals = claims(seed: seed, catchesUp ? .catchUp(atMost: 100) : .once) { now, _ in now }
        #expect(nominals == Array(Set(nominals)).sorted())
        #expect(nominals.count >= 20)
        if catchesUp, let first = nominals.first, let last = nominals.last {
            #expect(nominals == Array(stride(from: first, through: last, by: 100)), "each tick ran")
        }
    }

    @Test(
        "no tick is claimed twice when the server's clock is stepped by hours, either way", arguments: 0..<50)
    func steppedServer(seed: UInt64) {
        var offset: Int64 = 0
        let nominals = claims(seed: seed, .catchUp(atMost: 3)) { now, random in
            if Int.random(in: 0..<40, using: &random) == 0 {
                offset = .random(in: -3...3, using: &random) * 3_600_000
            }
            return now + offset
        }
        #expect(nominals == Array(Set(nominals)).sorted())
        #expect(!nominals.isEmpty)
    }

    @Test("goes by a cursor that was turned back, and tells while one lies ahead of the server's clock")
    func rewound() {
        var machine = machine(cursor: 10_000)
        #expect(machine.lead == nil)
        machine.answered(waiting(.asked, cursor: 7_210_000, 10_500), at: start)
        #expect(machine.lead == .seconds(7_199.5))
        #expect(machine.next(at: start) == .poll(at: at(60_000), due: at(7_200_500)))
        machine.wake()
        var rewound = waiting(.asked, cursor: 11_500, 11_500)
        rewound.era = 1
        machine.answered(rewound, at: at(1_000))
        #expect(machine.lead == nil)
        let look = TickMachine.DueTick(nominal: 12_000, cursor: 11_500, era: 1, due: 12_000)
        #expect(machine.next(at: at(1_500)) == .look(.init(tick: look)))
        // An answer from before, of a server that lost its newest writes, turns nothing back.
        machine.answered(waiting(.moved, cursor: 10_000, 12_600), at: at(2_100))
        #expect(
            machine.next(at: at(2_100))
                == .look(.init(tick: .init(nominal: 12_000, cursor: 10_000, due: 12_000))))
    }

    /// The ticks that four instances claim, whose own clocks differ by hours: by a model of tick.lua, with runs
    /// that take no time.
    ///
    /// - Parameter serverTime: what the server's clock shows after so many milliseconds.
    private func claims(
        seed: UInt64, _ missed: MissedTicks, serverTime: (Int64, inout SeededGenerator) -> Int64
    ) -> [Int64] {
        var random = SeededGenerator(seed: seed)
        var machines = (0..<4).map { _ in
            TickMachine(Timetable(.every(.milliseconds(100)), worker: "w"), missed: missed)
        }
        let hours = (0..<4).map { _ in Int64.random(in: -12...12, using: &random) }
        var cursor: Int64?
        var nominals: [Int64] = []
        var passed: Int64 = 0
        while passed < 3_000 {
            passed += .random(in: 0...40, using: &random)
            let now = serverTime(passed + 36_000_000, &random)
            let index = Int.random(in: 0..<4, using: &random)
            let local = at(passed + hours[index] * 3_600_000)
            guard case .look(let look) = machines[index].next(at: local) else { continue }
            cursor = cursor ?? look.seed
            let answer: TickAnswer
            if let tick = look.tick {
                if tick.cursor != cursor {
                    answer = waiting(.moved, cursor: cursor, now)
                } else if now < tick.due {
                    answer = waiting(.early, cursor: cursor, now)
                } else {
                    cursor = tick.nominal
                    nominals.append(tick.nominal)
                    answer = claimed(tick.nominal, now)
                }
            } else {
                answer = waiting(.asked, cursor: cursor, now)
            }
            machines[index].answered(answer, at: local)
        }
        return nominals
    }
}

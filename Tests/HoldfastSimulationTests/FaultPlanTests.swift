import Foundation
import HoldfastSimulation
import Testing

@Suite struct FaultPlanTests {
    static func plan(seed: UInt64) -> FaultPlan {
        FaultPlan(seed: seed, instances: 8, kills: 6, pauses: 4, redisRestarts: 2)
    }

    @Test func `The same seed gives the same plan, another seed another`() {
        #expect(Self.plan(seed: 42) == Self.plan(seed: 42))
        #expect(Self.plan(seed: 42) != Self.plan(seed: 43))
    }

    @Test func `A plan does not change from one version to the next`() {
        let plan = FaultPlan(seed: 7, instances: 3, kills: 1, pauses: 1)
        #expect(
            plan.faults == [
                Fault(.kill, .slot(1), at: 0.057),
                Fault(.pause, .tickRunner, at: 0.55, pauseInLeases: 1.83),
            ])
    }

    @Test(arguments: UInt64(0)..<200)
    func `A plan has what was asked for, in order and within its limits`(seed: UInt64) {
        let plan = Self.plan(seed: seed)
        #expect(plan.count(.kill) == 6)
        #expect(plan.count(.pause) == 4)
        #expect(plan.count(.restartRedis) == 2)
        #expect(plan.faults.map(\.moment) == plan.faults.map(\.moment).sorted())
        for fault in plan.faults {
            #expect(FaultPlan.moments.contains(fault.moment))
            if case .slot(let slot) = fault.victim { #expect((1...8).contains(slot)) }
            #expect((fault.kind == .pause) == (fault.pauseInLeases != nil))
            if let length = fault.pauseInLeases { #expect(FaultPlan.pausesInLeases.contains(length)) }
        }
        let firstPause = plan.faults.first { $0.kind == .pause }
        #expect(firstPause?.victim == .tickRunner)
    }

    @Test func `A plan without faults is empty`() {
        #expect(FaultPlan(seed: 1, instances: 1, kills: 0, pauses: 0).faults.isEmpty)
    }

    @Test func `A plan survives being written as JSON`() throws {
        let plan = Self.plan(seed: 5)
        let copy = try JSONDecoder().decode(FaultPlan.self, from: JSONEncoder().encode(plan))
        #expect(copy == plan)
    }
}

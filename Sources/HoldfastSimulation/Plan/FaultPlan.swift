internal import RedisTestRig

/// Everything that will go wrong in a run, decided before it starts. A pure value: the same seed and the same
/// counts give the same plan.
package struct FaultPlan: Codable, Hashable, Sendable {
    /// Faults strike in this part of the run: some work is done before the first, and enough is left after
    /// the last for it to be felt.
    package static let moments: ClosedRange<Double> = 0.05...0.85
    /// A pause outlasts the lease by at least half, so that the victim's claims are taken over while it
    /// sleeps.
    package static let pausesInLeases: ClosedRange<Double> = 1.5...2.5

    package var seed: UInt64
    /// In the order of their moments.
    package var faults: [Fault]

    package init(seed: UInt64, instances: Int, kills: Int, pauses: Int, redisRestarts: Int = 0) {
        precondition(instances > 0 && kills >= 0 && pauses >= 0 && redisRestarts >= 0)
        var random = SeededGenerator(seed: seed)
        var kinds = Array(repeating: Fault.Kind.kill, count: kills)
        kinds += Array(repeating: .pause, count: pauses)
        kinds += Array(repeating: .restartRedis, count: redisRestarts)
        random.shuffle(&kinds)

        // One fault at a random place in each of n equal stretches: spread over the run, but never in step
        // with it.
        let width = (Self.moments.upperBound - Self.moments.lowerBound) / Double(max(kinds.count, 1))
        var someoneFrozeInATick = false
        self.seed = seed
        faults = []
        for (index, kind) in kinds.enumerated() {
            let stretch = Self.moments.lowerBound + Double(index) * width
            let moment = random.between(stretch...(stretch + width)).rounded(toDecimals: 3)
            let slot = Fault.Victim.slot(random.below(instances) + 1)
            let length = random.between(Self.pausesInLeases).rounded(toDecimals: 2)
            let aimsAtTick = random.below(2) == 0
            switch kind {
            case .kill:
                faults.append(Fault(.kill, slot, at: moment))
            case .pause:
                // A pause between a tick's start and its write is what fencing is for: every plan with a
                // pause has one.
                let victim = aimsAtTick || !someoneFrozeInATick ? .tickRunner : slot
                someoneFrozeInATick = true
                faults.append(Fault(.pause, victim, at: moment, pauseInLeases: length))
            case .restartRedis:
                faults.append(Fault(.restartRedis, .redis, at: moment))
            }
        }
    }

    package func count(_ kind: Fault.Kind) -> Int {
        faults.count { $0.kind == kind }
    }
}

extension Double {
    fileprivate func rounded(toDecimals decimals: Int) -> Double {
        let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
        return (self * scale).rounded() / scale
    }
}

/// The numbers of a run.
package struct Figures: Codable, Hashable, Sendable {
    package var messages: Int
    /// Rows in the effect ledger: one for each message if all went well.
    package var effects: Int
    package var lost: Int
    /// Effects beyond each message's first.
    package var duplicateEffects: Int
    /// How often a handler began.
    package var deliveries: Int
    /// Deliveries that were not their message's first.
    package var redeliveries: Int
    /// Repeated effects that the inbox stopped.
    package var absorbed: Int
    /// Handlers whose claim was lost while they ran.
    package var lostClaims: Int
    package var ticks: Int
    package var ticksTwice: Int
    package var acceptedWrites: Int
    /// Writes of ticks that came too late and were refused because of their fence.
    package var staleWritesRefused: Int
    package var kills: Int
    package var pauses: Int
    package var redisRestarts: Int
    /// Messages that the victims were handling when the faults struck.
    package var messagesInFlightAtFaults: Int
    package var ticksInFlightAtFaults: Int
    package var seconds: Double

    package init(_ run: Observations, seconds: Double) {
        let effectIDs = Set(run.ledger.effects.map(\.message))
        let inFlight = run.strikes.map { InFlight(at: $0, in: run.history) }
        let begins = run.history.filter { $0.event == .handlerBegin }
        func hits(_ kind: Fault.Kind) -> Int {
            run.strikes.count { $0.fault.kind == kind && $0.hitAt != nil }
        }

        messages = run.messages.count
        effects = run.ledger.effects.count
        lost = run.messages.count { !effectIDs.contains($0.id) }
        duplicateEffects = effects - effectIDs.count
        deliveries = begins.count
        redeliveries = begins.count { ($0.attempt ?? 1) > 1 }
        absorbed = run.ledger.absorbed.count
        lostClaims = run.history.count { $0.event == .handlerEnd && $0.lost == true }
        ticks = run.ledger.tickStarts.count
        ticksTwice = ticks - Set(run.ledger.tickStarts.map(\.tick)).count
        acceptedWrites = run.ledger.acceptedTicks.count
        staleWritesRefused = run.ledger.refusedTicks.count
        kills = hits(.kill)
        pauses = hits(.pause)
        redisRestarts = hits(.restartRedis)
        messagesInFlightAtFaults = inFlight.map(\.messages).reduce(0, +)
        ticksInFlightAtFaults = inFlight.map(\.ticks).reduce(0, +)
        self.seconds = seconds
    }
}

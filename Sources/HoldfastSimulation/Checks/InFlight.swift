/// What a victim had begun but not ended when a fault struck it.
package struct InFlight: Hashable, Sendable {
    package var messages = 0
    package var ticks = 0

    package init(at strike: StrikeRecord, in history: [HistoryRecord]) {
        guard let pid = strike.pid, let hitAt = strike.hitAt else { return }
        for record in history where record.pid == pid && record.at <= hitAt {
            switch record.event {
            case .handlerBegin: messages += 1
            case .handlerEnd: messages -= 1
            case .tickBegin: ticks += 1
            case .tickEnd: ticks -= 1
            case .instanceStart, .instanceStop, .faultKill, .faultPause, .faultContinue, .faultRedisKill,
                .faultRedisStart:
                continue
            }
        }
    }
}

internal import HoldfastSimulation
internal import RedisLink
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Reports the progress of a simulation on standard error: on a terminal one line that changes, elsewhere a
/// line now and then.
final class ProgressPrinter: Sendable {
    private struct State {
        var lastProgress: ContinuousClock.Instant?
        var lineIsOpen = false
    }

    private let began = ContinuousClock.now
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    func print(_ event: SimulationEvent) {
        state.withLock { state in
            switch event {
            case .stage(let stage):
                line(stage.rawValue, &state)
            case .fault(let sentence), .warning(let sentence):
                line(sentence, &state)
            case .progress(let progress):
                let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(5)
                let now = ContinuousClock.now
                if let last = state.lastProgress, now - last < pause { return }
                state.lastProgress = now
                if isTerminal {
                    Console.note("\r\u{1B}[K\(clock) \(Self.text(progress))")
                    state.lineIsOpen = true
                } else {
                    line(Self.text(progress), &state)
                }
            }
        }
    }

    func finish() {
        state.withLock { state in
            if state.lineIsOpen { Console.note("\r\u{1B}[K") }
            state.lineIsOpen = false
        }
    }

    private func line(_ text: String, _ state: inout State) {
        Console.note("\(state.lineIsOpen ? "\r\u{1B}[K" : "")\(clock) \(text)\n")
        state.lineIsOpen = false
    }

    private var clock: String {
        let seconds = SummaryText.decimal((ContinuousClock.now - began) / .seconds(1))
        return String(repeating: " ", count: max(0, 6 - seconds.count)) + seconds + " s "
    }

    private static func text(_ progress: SimulationProgress) -> String {
        let percent = progress.done * 100 / max(progress.total, 1)
        return "\(progress.done) of \(progress.total) effects (\(percent) %), \(progress.up) instances up, "
            + "\(progress.paused) paused, \(progress.faultsPending.counted("fault")) to come"
    }
}

internal import Holdfast
internal import Synchronization

/// How far the sending has got, for the report after an interruption.
final class SendProgress: Sendable {
    private struct State {
        var report: SendReport
        /// The lines up to this one were sent, or are blank.
        var sentThrough = 0
        /// The lines that are on their way.
        var underWay: String?
        var isInterrupted = false
    }

    private let state: Mutex<State>

    init(queue: String) {
        state = Mutex(State(report: SendReport(queue: queue)))
    }

    var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    func begin(_ batch: LineSender.Batch) {
        state.withLock { $0.underWay = batch.messages.isEmpty ? nil : batch.linesText }
    }

    func end(_ batch: LineSender.Batch, _ sent: [SendOutcome]) {
        state.withLock { state in
            state.report.count(sent)
            state.sentThrough = max(state.sentThrough, batch.last)
            state.underWay = nil
        }
    }

    /// - Returns: false if it was called before.
    func interrupt() -> Bool {
        state.withLock { state in
            defer { state.isInterrupted = true }
            return !state.isInterrupted
        }
    }

    /// What was sent; if it stopped before the end of the input, with the line to start from again.
    func report(complete: Bool) -> SendReport {
        state.withLock { state in
            var report = state.report
            if !complete { report.nextLine = state.sentThrough + 1 }
            return report
        }
    }

    /// What happened to the lines when a signal ended the sending.
    var interruptionText: String {
        state.withLock { state in
            let rest =
                state.underWay.map { "\($0) may have been sent, and nothing after" }
                ?? "nothing was sent from line \(state.sentThrough + 1) on"
            return "ended by a signal: \(rest)"
        }
    }
}

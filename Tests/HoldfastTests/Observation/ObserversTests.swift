import Foundation
import HoldfastTesting
import Logging
import TestSupport
import Testing

@testable import Holdfast

@Suite("The observers of events")
struct ObserversTests {
    private struct Happened: HoldfastEvent {
        let level: Logger.Level
        let words: String
        var metadata: Logger.Metadata { ["holdfast.subject": "it"] }
    }

    @Test("get each event, in their order; the log only as loud ones as it is for")
    func order() {
        let lines = Record<String>()
        var logger = Logger.recording(lines)
        logger.logLevel = .notice
        let observers = Observers(
            Observer { lines.add("first: \($0.words)") }, .log(to: logger),
            Observer { lines.add("last: \(type(of: $0))") })
        observers.tell(Happened(level: .warning, words: "a"))
        observers.tell(Happened(level: .info, words: "b"))
        #expect(
            lines.all == ["first: a", "warning: a", "last: Happened", "first: b", "last: Happened"])
    }

    @Test("of runs get those alone")
    func runs() {
        let told = Record<RunOutcome>()
        let observers = Observers(.runs { run, _ in told.add(run.outcome) }, .runs(nil))
        let run = WorkerRun(
            worker: "w", nominalMilliseconds: 1, isTriggered: false, attempt: 1,
            began: Date(timeIntervalSince1970: 0),
            duration: .zero, outcome: .failed, detail: "", host: "h", pid: 1, instanceID: "i")
        observers.tell(TickEvent(worker: "w", nominalMilliseconds: 1, kind: .takesTooLong))
        observers.tell(TickEvent(worker: "w", nominalMilliseconds: 1, kind: .ended(run, nil)))
        observers.tell(WorkerEvent(worker: "w", kind: .stopped))
        #expect(told.all == [.failed])
    }
}

import Logging
import RedisLink

/// What happens to a worker in this instance; for its runs see ``TickEvent``.
struct WorkerEvent: HoldfastEvent {
    let worker: String
    let kind: Kind

    enum Kind: Sendable {
        case started(Schedule)
        case stopped
        /// It has a name or settings that cannot be used.
        case isLeftOut(HoldfastError)
        /// It is tried again after the pause.
        case preparingFailed(any Error, pause: Duration)
        /// It is asked again soon. A lasting problem is reported each time.
        case lookingFailed(String, again: Bool)
        /// Another schedule is in force than the one in the code.
        case follows(schedule: String)
        /// The schedule in force cannot be read here.
        case standsBack(any Error)
        /// The server's clock is this far behind the newest tick.
        case clockWasSetBack(by: Duration)
        /// The other instances were not notified of a run that was handed back.
        case handingBackFailed(RedisError)
    }

    var level: Logger.Level {
        switch kind {
        case .started, .stopped, .lookingFailed(_, again: true), .handingBackFailed: .debug
        case .follows: .notice
        case .lookingFailed, .clockWasSetBack: .warning
        case .isLeftOut, .preparingFailed, .standsBack: .error
        }
    }

    var words: String {
        switch kind {
        case .started(let schedule): "the worker has started: \(schedule)"
        case .stopped: "the worker has stopped"
        case .isLeftOut(let problem): "the worker \(worker) is not run: \(problem)"
        case .preparingFailed(let error, let pause):
            "preparing the worker failed, trying again in \(pause): \(error)"
        case .lookingFailed(let error, _): "asking for a tick failed, trying again: \(error)"
        case .follows(let schedule): "following the schedule in force: \(schedule)"
        case .standsBack(let error): "this instance leaves the ticks to others: \(error)"
        case .clockWasSetBack(let lead):
            """
            the clock of the Redis server was set back: no tick of the worker begins for \(lead.text), until the clock is past \
            the newest one; `holdfast workers rewind` lets it go on now
            """
        case .handingBackFailed(let error):
            "notifying the other instances of a run that was handed back failed: \(error)"
        }
    }

    var metadata: Logger.Metadata { ["holdfast.worker": .string(worker)] }
}

/// No worker of this instance hears of requests: each finds out when it next looks.
struct WorkersAreDeaf: HoldfastEvent {
    let reason: RedisError
    var level: Logger.Level { .warning }
    var words: String { "running the workers without messages: \(reason)" }
}

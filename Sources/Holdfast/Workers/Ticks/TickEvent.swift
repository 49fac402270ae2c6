import Logging
import RedisLink

/// What happens to one run of a worker.
struct TickEvent: HoldfastEvent {
    let worker: String
    let nominalMilliseconds: Int64
    let kind: Kind

    enum Kind: Sendable {
        /// It is cancelled for it.
        case takesTooLong
        /// It counts as lost.
        case recordingFailed(RedisError)
        /// Its lease did not end as it should.
        case leaseEnded(any Error)
        case ended(WorkerRun, (any Error)?)
    }

    var level: Logger.Level {
        switch kind {
        case .leaseEnded: .debug
        case .ended(let run, _): run.outcome == .succeeded ? .debug : .error
        case .takesTooLong, .recordingFailed: .warning
        }
    }

    var words: String {
        switch kind {
        case .takesTooLong: "the run is cancelled: it takes too long"
        case .recordingFailed(let error):
            "recording the end of the run failed, so the run counts as lost: \(error)"
        case .leaseEnded(let error): "\(error)"
        case .ended(let run, let error): "the run \(run.outcome.rawValue)\(error.map { ": \($0)" } ?? "")"
        }
    }

    var metadata: Logger.Metadata {
        [
            "holdfast.worker": .string(worker),
            "holdfast.tick": .stringConvertible(nominalMilliseconds),
        ]
    }
}

extension Observer {
    /// Reports the runs that end; see ``Holdfast/Configuration/runObserver``.
    static func runs(_ observer: (@Sendable (WorkerRun, (any Error)?) -> Void)?) -> Observer {
        Observer { event in
            if let observer, let event = event as? TickEvent, case .ended(let run, let error) = event.kind {
                observer(run, error)
            }
        }
    }
}

import Logging

/// What prevents others from seeing this instance.
enum InstanceEvent: HoldfastEvent {
    /// - Parameter isForbidden: somebody has to grant a permission; otherwise the next beat may succeed.
    case registeringFailed(HoldfastError, isForbidden: Bool)
    /// It is forgotten after a while.
    case leavingFailed(any Error)

    var level: Logger.Level {
        // Not one warning for each beat of a server that is down.
        if case .registeringFailed(_, isForbidden: true) = self { .warning } else { .debug }
    }

    var words: String {
        switch self {
        case .registeringFailed(let error, _): "\(error)"
        case .leavingFailed(let error): "taking the instance out of the registry failed: \(error)"
        }
    }
}

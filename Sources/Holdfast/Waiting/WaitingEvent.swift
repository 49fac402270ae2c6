import Logging
import RedisLink

/// What hinders those who wait for locks.
enum WaitingEvent: HoldfastEvent {
    /// The waiter fails, or asks again.
    case askingFailed(name: String, RedisError)
    /// Nobody is told of grants: the waiters ask by themselves.
    case isDeaf(RedisError)

    var level: Logger.Level {
        switch self {
        case .askingFailed: .debug
        case .isDeaf: .warning
        }
    }

    var words: String {
        switch self {
        case .askingFailed(let name, let error): "asking for the lock \(name) failed: \(error)"
        case .isDeaf(let error): "waiting for locks without messages: \(error)"
        }
    }
}

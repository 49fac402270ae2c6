import Logging
import RedisLink

/// Problems of those who wait for locks.
enum WaitingEvent: HoldfastEvent {
    /// The waiter fails, or asks again.
    case askingFailed(name: String, RedisError)
    /// Nobody hears of grants: the waiters ask on their own.
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

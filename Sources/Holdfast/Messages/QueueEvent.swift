import Logging
import RedisLink

/// Problems of this instance with a queue; for its messages see ``MessageEvent``.
struct QueueEvent: HoldfastEvent {
    let queue: String
    let kind: Kind

    enum Kind: Sendable {
        /// Asked again soon.
        case claimingFailed(RedisError)
        /// Messages that may have been claimed belong to nobody until their lease ends, unless another try
        /// succeeds.
        case givingBackFailed(RedisError)
        /// This many claims, which may be lost because of it.
        case renewingFailed(Int, RedisError)
        /// This many messages. Those that are not tried again are left to whoever takes them over.
        case settlingFailed(Int, again: Int, RedisError)
        /// A key of the queue has another type.
        case holdsForeignKey(String, found: String, expected: String)
        /// Something that cannot be read was set aside.
        case holdsStray(Stray)
        /// The queue may be missing from lists.
        case registeringFailed(RedisError)
    }

    var level: Logger.Level {
        if case .registeringFailed = kind { .debug } else { .warning }
    }

    var words: String {
        switch kind {
        case .claimingFailed(let error): "claiming messages failed, trying again: \(error)"
        case .givingBackFailed(let error): "giving back what may have been claimed failed: \(error)"
        case .renewingFailed(let count, let error):
            "renewing \(count) claims failed, trying again: \(error)"
        case .settlingFailed(let count, let again, let error):
            "settling \(count) messages failed; trying again for \(again) of them: \(error)"
        case .holdsForeignKey(let key, let found, let expected):
            "\(key) holds a \(found) in place of a \(expected): rename it, and the queue goes on"
        case .holdsStray(let stray):
            """
            something in \(stray.key.printable()) cannot be read, and lies among the dead letters now: \
            '\(stray.found.printable(limit: 100))'
            """
        case .registeringFailed(let error): "registering \(queue) failed: \(error)"
        }
    }

    var metadata: Logger.Metadata { ["holdfast.queue": .string(queue)] }
}

/// A handler that was added while the client runs cannot be used.
struct HandlerIsLeftOut: HoldfastEvent {
    let problem: HoldfastError
    var level: Logger.Level { .error }
    var words: String { "a queue handler is not run: \(problem)" }
}

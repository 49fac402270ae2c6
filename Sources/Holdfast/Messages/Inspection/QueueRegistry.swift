import RedisLink
import Synchronization

/// The set of all queues of a namespace, so that they can be listed.
///
/// Written beside the queue's own keys, not in its scripts: it lies in another slot, and it is a hint. It is
/// written again every minute that a queue is used, so that it comes back if Redis lost it.
package final class QueueRegistry: Sendable {
    private static let interval: Duration = .seconds(60)

    let key: String
    private let link: RedisLink
    private let observers: Observers
    private let noted = Mutex<[ExactText: ContinuousClock.Instant]>([:])

    init(link: RedisLink, keys: KeySpace, observers: Observers) {
        self.link = link
        self.observers = observers
        key = "\(keys.prefix):queues"
    }

    /// Adds `queue` without waiting for it, unless that was done a moment ago.
    func note(_ queue: String) {
        let now = ContinuousClock.now
        let isDue = noted.withLock { noted in
            let name = ExactText(queue)
            if let last = noted[name], now - last < Self.interval { return false }
            noted[name] = now
            return true
        }
        guard isDue else { return }
        link.thread.submit { [link, key, observers] in
            link.send(["SADD", .string(key), .string(queue)]) { result in
                if case .failure(let error) = result {
                    observers.tell(QueueEvent(queue: queue, kind: .registeringFailed(error)))
                }
            }
        }
    }
}

import RedisLink
import Synchronization

/// Notices that workers or handlers were added and that nobody calls ``Holdfast/run()``.
///
/// It keeps nothing alive: there is no reminder for a client that has been dropped.
final class RunReminder: Sendable {
    /// How long after the first addition: a service may have much to prepare before it runs.
    static let patience: Duration = .seconds(10)

    private enum State: Sendable {
        case idle
        /// The timer is known once the thread has set it.
        case waiting(LocalClock.TimerID?)
        case over
    }

    private let clock: LocalClock
    private let thread: LinkThread
    private let state = Mutex(State.idle)

    init(clock: LocalClock, thread: LinkThread) {
        self.clock = clock
        self.thread = thread
    }

    /// Something was added: calls `warn` after a while, once, unless ``end()`` comes first.
    func begin(_ warn: @escaping @Sendable () -> Void) {
        let isFirst = state.withLock { state in
            guard case .idle = state else { return false }
            state = .waiting(nil)
            return true
        }
        guard isFirst else { return }
        let due = clock.now + Self.patience
        thread.submit { [weak self] in
            guard let self else { return }
            let timer = clock.schedule(at: due, on: thread) { [weak self] in
                guard let self, self.isWaiting else { return }
                end()
                warn()
            }
            let isWanted = state.withLock { state in
                guard case .waiting = state else { return false }
                state = .waiting(timer)
                return true
            }
            if !isWanted { clock.cancel(timer, on: thread) }
        }
    }

    private var isWaiting: Bool {
        state.withLock { if case .waiting = $0 { true } else { false } }
    }

    /// The client runs, or is closed.
    func end() {
        let timer: LocalClock.TimerID? = state.withLock { state in
            defer { state = .over }
            guard case .waiting(let timer) = state else { return nil }
            return timer
        }
        guard let timer else { return }
        thread.submit { [clock, thread] in clock.cancel(timer, on: thread) }
    }
}

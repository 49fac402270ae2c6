internal import Foundation
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A process that this program started: it can be signalled as long as it lives, and is reaped when it ends.
///
/// A signal can never hit another process that was given the same pid later. A pid can be reused only after
/// its process is reaped, and reaping and signalling exclude each other.
///
/// It can adopt orphans, for a program that has no other children. The first process of a container becomes
/// the parent of all processes whose own parents died; after their end they stay zombies, and their process
/// groups alive, until it reaps them.
package final class ChildProcess: Sendable {
    package enum State: Hashable, Sendable {
        case running
        /// Stopped by this signal: `SIGSTOP`, or a terminal's `SIGTSTP`, `SIGTTIN`, `SIGTTOU`.
        case stopped(signal: Int32)
        case exited(status: Int32)
        case killed(signal: Int32)

        package var isOver: Bool {
            switch self {
            case .running, .stopped: false
            case .exited, .killed: true
            }
        }
    }

    package let pid: Int32
    private let adoptsOrphans: Bool
    private let current = Mutex(State.running)
    private let stream: AsyncStream<State>
    private let continuation: AsyncStream<State>.Continuation

    /// Takes over a child that was just started.
    ///
    /// - Parameter adoptsOrphans: whether all other children of this program are reaped too.
    fileprivate init(pid: Int32, adoptsOrphans: Bool) {
        self.pid = pid
        self.adoptsOrphans = adoptsOrphans
        (stream, continuation) = AsyncStream.makeStream()
    }

    package var state: State {
        current.withLock { $0 }
    }

    /// Each change of state, and the end of the stream when the process is over. For one reader.
    package var changes: AsyncStream<State> { stream }

    /// Sends a signal to the process.
    ///
    /// - Returns: false if the process is already over.
    @discardableResult
    package func signal(_ number: Int32) -> Bool {
        current.withLock { state in
            !state.isOver && kill(pid, number) == 0
        }
    }

    /// Sends a signal to the process and all others in its group, such as the children of a shell.
    ///
    /// - Returns: false if the process is already over.
    @discardableResult
    package func signalGroup(_ number: Int32) -> Bool {
        current.withLock { state in
            !state.isOver && killpg(pid, number) == 0
        }
    }

    /// Sends a signal to what is left of the group of a process that is over.
    ///
    /// The group's number cannot be reused as long as there is a process in it.
    ///
    /// - Returns: false if no process is left.
    @discardableResult
    package func signalRest(_ number: Int32) -> Bool {
        killpg(pid, 0) == 0 && killpg(pid, number) == 0
    }

    fileprivate func watch() {
        while true {
            // First wait without reaping; then reap and change the state in one step, see above.
            var information = siginfo_t()
            let waited = waitid(
                adoptsOrphans ? P_ALL : P_PID, id_t(pid), &information,
                WEXITED | WSTOPPED | WCONTINUED | WNOWAIT)
            if waited != 0 && errno == EINTR { continue }
            if waited != 0 && state.isOver {
                // No child is left, so none that could leave an orphan.
                return
            }
            precondition(waited == 0, "a child can be waited for until it is reaped")
            let change = current.withLock { state -> State? in
                var status: Int32 = 0
                let child = waitpid(adoptsOrphans ? -1 : pid, &status, WNOHANG | WUNTRACED | WCONTINUED)
                guard child == pid, !state.isOver else { return nil }
                state = State(waitStatus: status)
                return state
            }
            guard let change else { continue }
            continuation.yield(change)
            guard change.isOver else { continue }
            continuation.finish()
            if !adoptsOrphans { return }
        }
    }
}

/// The thread that waits for a child in `waitid`, for the child's whole life. It exists before the child
/// does: the end of a child that nobody waits for would never be noticed.
struct ChildWatch: Sendable {
    private let begun = ChildHandOver()

    /// - Throws: ``SystemError`` if the system refuses to start a thread.
    init() throws {
        try startBlockingThread { [begun] in begun.wait()?.watch() }
    }

    /// Takes over a child that was just started.
    ///
    /// - Parameter adoptsOrphans: whether all other children of this program are reaped too.
    func begin(pid: Int32, adoptsOrphans: Bool) -> ChildProcess {
        let child = ChildProcess(pid: pid, adoptsOrphans: adoptsOrphans)
        begun.fill(child)
        return child
    }

    /// No child was started.
    func cancel() { begun.fill(nil) }
}

/// Hands a child over to a thread that waits for it.
private final class ChildHandOver: Sendable {
    private let child = Mutex<ChildProcess?>(nil)
    private let isFilled = DispatchSemaphore(value: 0)

    func fill(_ child: ChildProcess?) {
        self.child.withLock { $0 = child }
        isFilled.signal()
    }

    func wait() -> ChildProcess? {
        isFilled.wait()
        return child.withLock { $0.take() }
    }
}

extension ChildProcess.State {
    /// Decodes the status of `waitpid`, whose macros Swift does not import.
    init(waitStatus status: Int32) {
        let low = status & 0x7f
        switch (status, low) {
        case (0xffff, _): self = .running
        case (_, 0x7f): self = .stopped(signal: (status >> 8) & 0xff)
        case (_, 0): self = .exited(status: (status >> 8) & 0xff)
        case (_, let signal): self = .killed(signal: signal)
        }
    }
}

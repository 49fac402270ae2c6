internal import Processes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What `run` does next while its command holds the lock. Events in, actions out: no process, no clock, no
/// lock.
struct HeldCommandState: Sendable {
    enum Event: Hashable, Sendable {
        /// The command's process changed.
        case child(ChildProcess.State)
        /// This program received a signal.
        case signal(Int32)
        case lost(reason: String)
        /// The time that a command has to end after SIGTERM is over.
        case graceOver
        /// The command is over, and no process of its group is left.
        case restEnded
    }

    enum Action: Hashable, Sendable {
        /// Send a signal to the command's process group.
        case send(Int32)
        case tellLoss(reason: String)
        case startGrace
        /// Watch for the end of what the command left behind in its process group.
        case watchRest
        /// Send a signal to what the command left behind.
        case sendRest(Int32)
        /// Give the command the terminal it asks for, if this program's job has it; otherwise stop, like the
        /// command.
        case provideTerminal
        /// Stop, like the command, so that the shell takes over, until somebody continues this program.
        case suspend
        /// This program was continued: give the command the terminal, if there is one, and continue it.
        case resume
        case finish(status: Int32)
    }

    /// The signal that ended the command but was not sent to this program: a terminal sends Ctrl-C and Ctrl-\
    /// only to the group that has it.
    private(set) var interruption: Int32?

    private var received: Set<Int32> = []
    private var isLost = false
    private var isOver = false
    private var isGraceOver = false

    init() {}

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .signal(SIGCONT):
            return [.resume]

        case .signal(let number):
            received.insert(number)
            return [.send(number)]

        case .lost(let reason):
            guard !isLost else { return [] }
            isLost = true
            // A stopped command receives the SIGTERM when it is continued.
            // The command first: reporting may be slow, or fail.
            return [.send(SIGTERM), .send(SIGCONT), .startGrace, .tellLoss(reason: reason)]

        case .graceOver:
            isGraceOver = true
            return isOver ? [.sendRest(SIGKILL), .finish(status: ExitStatus.lost)] : [.send(SIGKILL)]

        case .restEnded:
            return [.finish(status: ExitStatus.lost)]

        // Without its lock the command must not act, and neither must what it started.
        case .child(.exited) where isLost, .child(.killed) where isLost:
            isOver = true
            return isGraceOver ? [.sendRest(SIGKILL), .finish(status: ExitStatus.lost)] : [.watchRest]

        case .child(.stopped(SIGTTIN)), .child(.stopped(SIGTTOU)):
            return [.provideTerminal]

        case .child(.stopped(SIGTSTP)):
            return [.suspend]

        case .child(.stopped), .child(.running):
            return []

        case .child(.exited(let status)):
            return [.finish(status: status)]

        case .child(.killed(let signal)):
            if [SIGINT, SIGQUIT].contains(signal), !received.contains(signal) { interruption = signal }
            return [.finish(status: ExitStatus.killed(by: signal))]
        }
    }
}

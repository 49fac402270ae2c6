internal import HoldfastSimulation

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
        /// This program got a signal.
        case signal(Int32)
        case lost(reason: String)
        /// The time that a command has to end after SIGTERM is over.
        case graceOver
    }

    enum Action: Hashable, Sendable {
        /// Send a signal to the command's process group.
        case send(Int32)
        case tellLoss(reason: String)
        case startGrace
        /// Give the command the terminal it asks for, if this program's job has it; else stop like the
        /// command.
        case provideTerminal
        /// Stop like the command, so that the shell takes over, until somebody continues this program.
        case suspend
        /// This program was continued: give the command the terminal, if it is there, and let it go on.
        case resume
        case finish(status: Int32)
    }

    private var isLost = false

    init() {}

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .signal(SIGCONT):
            return [.resume]

        case .signal(let number):
            return [.send(number)]

        case .lost(let reason):
            guard !isLost else { return [] }
            isLost = true
            // A stopped command takes the SIGTERM when it is continued.
            return [.tellLoss(reason: reason), .send(SIGTERM), .send(SIGCONT), .startGrace]

        case .graceOver:
            return [.send(SIGKILL)]

        case .child(.stopped(SIGTTIN)), .child(.stopped(SIGTTOU)):
            return [.provideTerminal]

        case .child(.stopped(SIGTSTP)):
            return [.suspend]

        case .child(.stopped), .child(.running):
            return []

        case .child(.exited(let status)):
            return [.finish(status: isLost ? ExitStatus.lost : status)]

        case .child(.killed(let signal)):
            return [.finish(status: isLost ? ExitStatus.lost : ExitStatus.killed(by: signal))]
        }
    }
}

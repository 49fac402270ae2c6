#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The terminal that this program was started from, and which process group has it.
///
/// A command in a process group of its own is a background job to the terminal: reading from it would stop
/// the command, and Ctrl-C would not reach it. So the command's group gets the terminal for as long as it
/// runs, as a shell gives it to a job.
///
/// In a pipeline (`holdfast run … | less`) the terminal stays with the pipeline, whose other members need it
/// too; Ctrl-C then reaches this program, which forwards it. The same holds where standard input is not the
/// terminal: a script that starts `holdfast run … &` shares its group with this program, gives it /dev/null
/// to read, and continues to read from the terminal itself. A command that asks for the terminal there
/// (SIGTTIN or SIGTTOU stops it for that) gets it then.
package struct Terminal: Sendable {
    private let descriptor: Int32

    private static func current() -> Terminal? {
        [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO].first { isatty($0) == 1 }.map(Terminal.init(descriptor:))
    }

    private var foregroundGroup: Int32 { tcgetpgrp(descriptor) }

    private func give(to group: Int32) {
        // A background group that changes the terminal is stopped by SIGTTOU, unless it ignores that.
        let before = signal(SIGTTOU, SIG_IGN)
        _ = tcsetpgrp(descriptor, group)
        _ = signal(SIGTTOU, before)
    }

    /// Gives a group the terminal, if this program can and the group does not have it already.
    ///
    /// - Returns: whether the group has it now.
    @discardableResult
    package static func provide(to group: Int32) -> Bool {
        guard let terminal = current() else { return false }
        if terminal.foregroundGroup == group { return true }
        guard terminal.foregroundGroup == getpgrp() else { return false }
        terminal.give(to: group)
        return true
    }

    /// Takes the terminal back from a group that has it, and from no other.
    ///
    /// - Returns: whether the group had it.
    @discardableResult
    package static func takeBack(from group: Int32) -> Bool {
        guard let terminal = current(), terminal.foregroundGroup == group else { return false }
        terminal.give(to: getpgrp())
        return true
    }

    /// Whether a command gets the terminal without asking for it, judging by this program's standard streams:
    /// they read from the terminal, and are not part of a pipeline.
    package static var isGivenUnasked: Bool {
        guard isatty(STDIN_FILENO) == 1 else { return false }
        var status = stat()
        return fstat(STDOUT_FILENO, &status) != 0 || status.st_mode & S_IFMT != S_IFIFO
    }

    /// Sends this program's whole job the signal that the terminal sent only to a command, so that a script
    /// around it is interrupted as if the command ran without `run`.
    ///
    /// Shells stop at SIGINT only if they receive it and the program they wait for dies of it, so this
    /// program does. It does not die of SIGQUIT, which would leave an image of its memory on the disk,
    /// perhaps with a password. So this returns after SIGQUIT, and in the first process of a container, which
    /// no signal ends by default.
    package static func interruptJob(by number: Int32) {
        kill(0, number)
        guard number == SIGINT else { return }
        _ = signal(SIGINT, SIG_DFL)
        var interrupts = sigset_t()
        sigemptyset(&interrupts)
        sigaddset(&interrupts, SIGINT)
        pthread_sigmask(SIG_UNBLOCK, &interrupts, nil)
        raise(SIGINT)
    }

    /// Stops this program's whole job as Ctrl-Z does, and returns when it is continued; at once if nobody
    /// could continue it, since the kernel does not stop an orphaned group that way.
    package static func suspendJob() {
        let before = signal(SIGTSTP, SIG_DFL)
        kill(0, SIGTSTP)
        _ = signal(SIGTSTP, before)
    }
}

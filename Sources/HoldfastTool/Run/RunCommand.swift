internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import HoldfastInspection
internal import Logging
internal import Processes
internal import RedisLink

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a command while holding a lock.",
        usage: """
            holdfast run <name> [--wait <duration>] [--lease <duration>] [--grace <duration>] -- <command> \
            [<argument> ...]
            """,
        discussion: """
            The command finds the lock's name in HOLDFAST_LOCK and its fence in HOLDFAST_FENCE; \
            HOLDFAST_REDIS_URL, which may hold a password, is not passed on. It gets the terminal and the \
            signals that this program gets. If the lock is lost, the command is stopped: SIGTERM, then \
            SIGKILL. A command that must never act late should pass its fence to whatever it writes to.

            Exits with the command's own status.

            \(ExitStatus.help)
            """
    )

    @Argument(help: "The name of the lock.")
    var name: String

    @Option(
        help:
            "How long to wait while another holds the lock, \(DurationText.examples), or \"forever\". Without it, not at all."
    )
    var wait: WaitArgument?

    @Option(
        help:
            "How long the lock outlives this program if it dies, \(DurationText.examples); it is renewed all the time."
    )
    var lease = DurationArgument(.seconds(30))

    @Option(
        help:
            "How long the command may take to end after SIGTERM when the lock is lost, \(DurationText.examples)."
    )
    var grace = DurationArgument(.seconds(5))

    @OptionGroup var connection: ConnectionOptions

    @Argument(parsing: .postTerminator, help: "The command, after --.")
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("There is no command: give it after --.") }
    }

    func run() async throws {
        try await reportingErrors {
            let signals = try CaughtSignals(
                CaughtSignals.ending + [SIGTSTP, SIGCONT, SIGUSR1, SIGUSR2])
            let end = try await connection.withHoldfast(lease: lease.duration, interruptedBy: signals) {
                holdfast in
                let lease = try await signals.interrupting { try await acquire(with: holdfast) }
                let held = HeldCommand(
                    lease: lease, command: commandWords, grace: grace.duration, signals: signals)
                return await release(lease, after: await held.run())
            }
            if let signal = end.interruption { Terminal.interruptJob(by: signal) }
            throw ExitCode(end.status)
        }
    }

    /// The command at the end of the command line, byte for byte.
    private var commandWords: [CString] { CString.commandLine.suffix(command.count) }

    private func acquire(with holdfast: Holdfast) async throws -> Lease {
        let limit = wait == .forever ? nil : wait?.limit ?? .zero
        do {
            return try await holdfast.acquire(name, waitingAtMost: limit)
        } catch let error as HoldfastError where error.code == .notAcquired {
            throw await LockSnapshot.notAcquired(name, error, holdfast)
        }
    }

    /// Releases the lock, whatever the command did.
    ///
    /// - Returns: How the command ended, unless the lock turns out to be lost.
    private func release(_ lease: Lease, after end: HeldCommand.End) async -> HeldCommand.End {
        do {
            try await lease.release()
            return end
        } catch {
            guard end.status != ExitStatus.lost else { return end }
            Console.say(TerminalText.escaped("\(error)"))
            if (error as? HoldfastError)?.code == .lost { return HeldCommand.End(status: ExitStatus.lost) }
            Console.say("the lock will be free at the latest when its lease ends")
            return end
        }
    }
}

internal import ArgumentParser
internal import Processes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

@main
struct HoldfastCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "holdfast",
        abstract: "Distributed locks and exactly-once work on Redis.",
        discussion: """
            Data goes to standard output, everything else to standard error. Durations are a number with a \
            unit: 500ms, 10s, 2m, 1h.

            \(ExitStatus.help)
            """,
        version: "0.1.0",
        subcommands: [
            LocksCommand.self, RunCommand.self, WorkersCommand.self, QueuesCommand.self, MessagesCommand.self,
            InstancesCommand.self,
            OnceCommand.self, SendCommand.self, SimulateCommand.self, SimulateInstanceCommand.self,
        ]
    )

    static func main() async {
        occupyClosedStreams()
        _ = Inheritance.atStart
        endBySignalsAsFirstProcess()
        // A reader that has gone away is an error at the write, not a reason to die with a lock held.
        signal(SIGPIPE, SIG_IGN)
        // So is a file that may not grow any more.
        signal(SIGXFSZ, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let trouble = RawArguments.trouble ?? CommandWords.trouble(in: arguments, of: Self.self) {
            Console.say(trouble)
            ExitStatus.leave(with: ExitStatus.usage)
        }
        await main(arguments)
    }

    /// The first process of a container receives no signal that it does not handle, and so could not be
    /// ended.
    private static func endBySignalsAsFirstProcess() {
        guard getpid() == 1 else { return }
        for number in CaughtSignals.ending where !Inheritance.atStart.ignores(number) {
            signal(number) { _exit(ExitStatus.killed(by: $0)) }
        }
    }

    /// The next file to be opened takes the lowest free number: if a standard stream is closed, that would be
    /// a connection to Redis, and the tool's messages would be sent there. Reading and writing still fail as
    /// before, and a command that `run` starts finds the streams closed.
    private static func occupyClosedStreams() {
        for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) == -1 {
            _ = open("/dev/null", (stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC)
        }
    }
}

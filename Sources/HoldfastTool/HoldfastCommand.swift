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
            Data goes to standard output, everything else to standard error. Durations are a number with a unit: \
            500ms, 10s, 2m, 1h.

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
        // A reader that went away is an error where it is written to, and no reason to die with a lock held.
        signal(SIGPIPE, SIG_IGN)
        // So is a file that may not grow.
        signal(SIGXFSZ, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let trouble = RawArguments.trouble ?? CommandWords.trouble(in: arguments, of: Self.self) {
            Console.say(trouble)
            ExitStatus.leave(with: ExitStatus.usage)
        }
        await main(arguments)
    }

    /// The first process of a container gets no signal that it does not handle, and so could not be ended.
    private static func endBySignalsAsFirstProcess() {
        guard getpid() == 1 else { return }
        for number in CaughtSignals.ending where !Inheritance.atStart.ignores(number) {
            signal(number) { _exit(ExitStatus.killed(by: $0)) }
        }
    }

    /// What is opened next gets the lowest number that is free: where a standard stream is closed that would be a
    /// connection to Redis, and what is told would be sent there. Reading and writing fail as before, and a command
    /// that `run` starts finds the streams closed.
    private static func occupyClosedStreams() {
        for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) == -1 {
            _ = open("/dev/null", (stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC)
        }
    }
}

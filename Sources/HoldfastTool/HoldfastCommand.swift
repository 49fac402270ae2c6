internal import ArgumentParser

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

@main
struct HoldfastCommand: AsyncParsableCommand {
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
            OnceCommand.self, SendCommand.self, SimulateCommand.self, SimulateInstanceCommand.self,
        ]
    )

    static func main() async {
        // A reader that went away is an error where it is written to, and no reason to die with a lock held.
        signal(SIGPIPE, SIG_IGN)
        await main(nil)
    }
}

internal import ArgumentParser
internal import Foundation
internal import HoldfastSimulation
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

struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run many instances under faults, and check that every promise held.",
        discussion: """
            Starts a private redis-server and a number of processes that share a periodic worker and a queue, feeds \
            them the messages, kills and pauses some of them by a plan that the seed decides, replaces the dead, \
            and checks at the end: every message's effect exactly once, nothing lost, no tick twice, no stale write \
            accepted. Progress goes to standard error.

            EXIT STATUS
              0    every check holds
              1    a check failed; the directory with all records is kept
              64   the command line can't be used
              65   the messages can't be used
              69   there is no redis-server, the given one can't be reached, or it stopped working
              74   this machine could not carry out the run, for example because a disk is full; nothing is said \
            about the promises
              130  interrupted (128 + the signal's number)
            """
    )

    @OptionGroup var options: SimulationOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await reportingErrors {
            let request = try options.request()
            if !output.json {
                try Console.write(SummaryText.plan(request.plan, lease: request.lease))
            }
            let printer = ProgressPrinter()
            let report = try await CaughtSignals(CaughtSignals.ending).interrupting {
                let logger = Logger(label: "holdfast") { _ in SwiftLogNoOpLogHandler() }
                return try await Simulation(request, logger: logger) { printer.print($0) }.run()
            }
            printer.finish()
            if let path = options.totalsTo {
                do {
                    try Data(report.totalsTable.utf8).write(to: URL(filePath: path))
                } catch {
                    Console.say(
                        "the totals can't be written to \(TerminalText.escaped(path)): \(ErrorText.reason(for: error))"
                    )
                    throw ExitCode(ExitStatus.cannotSimulate)
                }
            }
            if output.json {
                try Console.write(json: report)
            } else {
                try Console.write("\n" + SummaryText.summary(report))
            }
            if !report.holds { throw ExitCode(ExitStatus.failed) }
        }
    }
}

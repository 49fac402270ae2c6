internal import ArgumentParser
internal import Processes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension CaughtSignals {
    /// The signals that end a program by default, and are sent to end one that waits.
    static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    /// Does work until one of the signals comes: then cancels it, and returns when it has cleaned up.
    ///
    /// SIGTSTP and SIGCONT, where they are caught, stop and continue this program's job as they do by default.
    ///
    /// - Throws: `ExitCode` if a signal came; otherwise what `work` throws.
    func interrupting<Result: Sendable>(
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                for await signal in self.stream() where signal != SIGCONT {
                    guard signal == SIGTSTP else { throw ExitCode(ExitStatus.killed(by: signal)) }
                    Terminal.suspendJob()
                }
                return nil
            }
            defer { group.cancelAll() }
            var done: Result?
            while let result = try await group.next() {
                guard let result else { continue }
                done = result
                // A signal that came before this still counts: the other task takes it, and throws.
                group.cancelAll()
            }
            guard let done else { throw CancellationError() }
            return done
        }
    }
}

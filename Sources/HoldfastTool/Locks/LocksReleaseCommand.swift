internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import HoldfastInspection
internal import JSONLines
internal import Processes
internal import RedisLink

extension LocksCommand {
    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "release",
            abstract: "Take a lock from its holder.",
            discussion: """
                For a holder that is gone for good, or hangs. It is not asked, and may work until its next \
                renewal; the fence is raised, so that whatever compares fences refuses it from the next \
                holder on. Shows the holder, and asks for confirmation on a terminal; refuses if the lock \
                has changed hands meanwhile. A lock that nobody holds is not an error.
                """
        )

        @Argument(help: "The name of the lock.")
        var name: String

        @Flag(help: "Do not ask: release it from whoever holds it when the command looks.")
        var yes = false

        @Flag(
            help:
                "Do not ask: release it from the holder whose token, the value of its key, is on standard input."
        )
        var tokenStdin = false

        @OptionGroup var connection: ConnectionOptions

        func validate() throws {
            if yes && tokenStdin { throw ValidationError("--yes and --token-stdin exclude each other.") }
        }

        func run() async throws {
            try await reportingErrors {
                try await connection.withHoldfast { holdfast in
                    guard let lock = try await holdfast.lockStatus(name) else {
                        return Console.say("the lock \(TerminalText.escaped(name)) is free")
                    }
                    Console.note(LockSnapshot(lock).text)
                    let released: Bool
                    if tokenStdin {
                        released = try await release(holdfast, Self.tokens())
                    } else {
                        guard try yes || isConfirmed() else {
                            Console.say("nothing was released")
                            throw ExitCode(ExitStatus.failed)
                        }
                        released = try await holdfast.forceRelease(lock)
                    }
                    guard released else {
                        if try await holdfast.lockStatus(name) == nil {
                            return Console.say(
                                "the lock \(TerminalText.escaped(name)) has become free meanwhile")
                        }
                        Console.say(
                            tokenStdin
                                ? "that token does not hold the lock; nothing was released"
                                : "the lock changed hands meanwhile; nothing was released")
                        throw ExitCode(ExitStatus.notAcquired)
                    }
                    Console.say("released \(TerminalText.escaped(name))")
                }
            }
        }

        private func release(_ holdfast: Holdfast, _ tokens: [[UInt8]]) async throws -> Bool {
            for token in tokens {
                if try await holdfast.forceRelease(name, token: token) { return true }
            }
            return false
        }

        /// The bytes on standard input, whatever they are, and the same without the line end that `echo`
        /// adds: one of them is meant.
        private static func tokens() throws -> [[UInt8]] {
            let input: [UInt8]
            do {
                input = Array(try FileHandle.standardInput.readToEnd() ?? Data())
            } catch {
                throw InputError(unreadable: "the token", error)
            }
            guard input.last == UInt8(ascii: "\n") else { return [input] }
            let line = input.dropLast()
            return [Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line), Array(line), input]
        }

        private func isConfirmed() throws -> Bool {
            guard isatty(STDIN_FILENO) == 1 else {
                Console.say(
                    "cannot ask, because standard input is not a terminal: use --yes or --token-stdin")
                throw ExitCode(ExitStatus.usage)
            }
            Console.note("Its holder may still be at work. Release it? Type yes: ")
            return readLine()?.trimmingCharacters(in: .whitespaces).lowercased() == "yes"
        }
    }

    struct Wait: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "wait",
            abstract: "Wait until a lock is free.",
            discussion: """
                Queues up like every other caller, and releases the lock at once when its turn comes: so \
                everybody who came before has been served.
                """
        )

        @Argument(help: "The name of the lock.")
        var name: String

        @Option(help: "How long to wait at most, \(DurationText.examples). Without it, there is no limit.")
        var timeout: DurationArgument?

        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            try await reportingErrors {
                try await CaughtSignals(CaughtSignals.ending).interrupting {
                    try await connection.withHoldfast { holdfast in
                        do {
                            try await holdfast.acquire(name, waitingAtMost: timeout?.duration).release()
                        } catch let error as HoldfastError where error.code == .notAcquired {
                            throw await LockSnapshot.notAcquired(name, error, holdfast)
                        }
                    }
                }
            }
        }
    }
}

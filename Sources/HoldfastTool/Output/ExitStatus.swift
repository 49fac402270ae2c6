internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import JSONLines

/// The exit statuses of the tool. Numbers from 64 on are those of `sysexits.h`; 79 is the first it leaves
/// free.
enum ExitStatus {
    static let failed: Int32 = 1
    static let usage: Int32 = 64
    static let badInput: Int32 = 65
    static let unavailable: Int32 = 69
    static let cannotSimulate: Int32 = 74
    static let notAcquired: Int32 = 75
    static let notPermitted: Int32 = 77
    static let unknownFormat: Int32 = 78
    static let lost: Int32 = 79
    static let notExecutable: Int32 = 126
    static let notFound: Int32 = 127

    /// Ends the program at once. Inside a command, `exit` means something else.
    static func leave(with status: Int32) -> Never { exit(status) }

    /// As shells report that a signal ended a command.
    static func killed(by signal: Int32) -> Int32 { 128 + signal }

    static let help = """
        EXIT STATUS
          0    done
          1    something else went wrong; simulate: a promise did not hold
          64   the command line can't be used
          65   the input can't be used (the message names its line)
          69   Redis can't be reached or does not let us in
          74   simulate: this machine could not carry it out, for example because a
               disk is full; nothing is said about the promises
          75   run, locks wait: the lock was not acquired in time; locks release:
               it has another holder
          77   the Redis user lacks a permission (the message says which)
          78   another version of Holdfast keeps the namespace's data
          79   run: the lock was lost while the command ran
          126  run: the command can't be executed
          127  run: the command was not found
          141  nobody reads the output any more, as after | head
          Otherwise run exits with the command's own status, or 128 + n if signal n
          ended it; send with 128 + n if signal n ended the reading.
        """

    static func status(for error: any Error) -> Int32 {
        switch error {
        case let error as HoldfastError:
            switch error.code {
            case .notAcquired: notAcquired
            case .lost: lost
            case .invalidArgument: usage
            case .unavailable, .unknownOutcome, .authenticationFailed, .credentialsUnavailable: unavailable
            case .permissionDenied: notPermitted
            case .unknownFormat: unknownFormat
            default: failed
            }
        case is InputError: badInput
        case let error as any ExitStatusBearing: error.exitStatus
        default: failed
        }
    }
}

/// An error specific to one command, which knows the status that the command exits with.
protocol ExitStatusBearing: Error {
    var exitStatus: Int32 { get }
}

/// Runs a command's work; an error is reported on standard error and becomes the exit status.
func reportingErrors(_ work: () async throws -> Void) async throws {
    do {
        try await work()
    } catch let code as ExitCode {
        throw code
    } catch {
        Console.say(ErrorText.text(of: error))
        throw ExitCode(ExitStatus.status(for: error))
    }
}

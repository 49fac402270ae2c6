internal import Foundation
internal import GRDB

/// A record of the run that could not be written or read: the fault of this machine or of the harness, from which
/// nothing follows about any promise.
package struct RecordError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    /// - Parameter attempt: what failed, such as "cannot write /tmp/ledger".
    init(_ attempt: String, _ cause: any Error) {
        description = "\(attempt): \(Self.reason(cause))"
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as RecordError:
            return error.description
        case let error as SystemError:
            return error.reason
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
            return SystemError("", number: ENOSPC).reason
        case let error as DatabaseError:
            return "\(error.message ?? "no reason given") (SQLite error \(error.extendedResultCode.rawValue))"
        default:
            // Foundation hides the system's reason behind an error of its own.
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error ?? error
            let system = cause as NSError
            guard system.domain == NSPOSIXErrorDomain else { return "\(cause)" }
            return SystemError("", number: Int32(system.code)).reason
        }
    }

    /// Does `work`, and throws what it throws as a ``RecordError``; a cancellation as it is.
    static func wrapping<Result>(_ attempt: String, _ work: () throws -> Result) throws -> Result {
        do {
            return try work()
        } catch {
            throw RecordError(attempt, error)
        }
    }
}

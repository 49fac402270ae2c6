internal import Foundation
internal import GRDB
internal import Processes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A record of the run could not be written or read: a failure of this machine or of the harness, which says
/// nothing about any promise.
package struct RecordError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    /// - Parameter attempt: what failed, such as "cannot write".
    init(_ attempt: String, _ path: String, _ cause: any Error) {
        description = "\(attempt) \(path): \(Self.reason(cause, path))"
    }

    /// Does `work`, and rethrows its error as a ``RecordError``.
    static func wrapping<Result>(
        _ attempt: String, _ path: String, _ work: () throws -> Result
    ) throws -> Result {
        do {
            return try work()
        } catch {
            throw RecordError(attempt, path, error)
        }
    }

    private static func reason(_ error: any Error, _ path: String) -> String {
        switch error {
        case let error as SystemError:
            return error.reason
        case let error as DatabaseError:
            // SQLite also has errors of its own for files that it cannot make larger.
            guard error.resultCode != .SQLITE_FULL, !hasNoSpace(beside: path) else {
                return SystemError("", number: ENOSPC).reason
            }
            return "\(error.message ?? "no reason given") (SQLite error \(error.extendedResultCode.rawValue))"
        default:
            return SystemError.reason(for: error) { "\($0)" }
        }
    }

    /// Whether there is no room for a few more pages.
    private static func hasNoSpace(beside path: String) -> Bool {
        var disk = statvfs()
        guard statvfs((path as NSString).deletingLastPathComponent, &disk) == 0 else { return false }
        return UInt64(disk.f_bavail) * UInt64(disk.f_frsize) < 32_768
    }
}

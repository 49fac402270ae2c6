package import Foundation
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A process's own history, as JSON lines.
///
/// Each record is one `write` to a file opened for appending, with no buffer in the process: what was written
/// is in the kernel's page cache and outlives a SIGKILL the moment after.
package final class HistoryFile: Sendable {
    private let descriptor: Mutex<Int32>

    /// Creates the file; throws if it can't.
    package init(path: String) throws {
        let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw SystemError("cannot open the history \(path)") }
        descriptor = Mutex(opened)
    }

    deinit {
        _ = descriptor.withLock { close($0) }
    }

    package func append(_ record: HistoryRecord) throws {
        var line = try JSONEncoder().encode(record)
        line.append(UInt8(ascii: "\n"))
        try descriptor.withLock { descriptor in
            let written = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard written == line.count else { throw SystemError("cannot write the history") }
        }
    }

    /// The records of a file. A last line without its end is what a killed process did not get to write, and
    /// is left out.
    package static func records(in contents: Data) throws -> [HistoryRecord] {
        let decoder = JSONDecoder()
        var lines = contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        lines.removeLast()
        return try lines.map { try decoder.decode(HistoryRecord.self, from: $0) }
    }
}

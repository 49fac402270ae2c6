package import Foundation
internal import Processes
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
/// is in the kernel's page cache and survives a SIGKILL a moment later.
package final class HistoryFile: Sendable {
    private let path: String
    private let descriptor: Mutex<Int32>

    /// Creates the file.
    ///
    /// - Throws: ``RecordError``, as ``append(_:)`` does.
    package init(path: String) throws {
        let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw RecordError("cannot open", path, SystemError("")) }
        self.path = path
        descriptor = Mutex(opened)
    }

    deinit {
        _ = descriptor.withLock { close($0) }
    }

    package func append(_ record: HistoryRecord) throws {
        var line = try JSONEncoder().encode(record)
        line.append(UInt8(ascii: "\n"))
        try descriptor.withLock { descriptor in
            var rest = line[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw RecordError("cannot write", path, SystemError("")) }
                // A disk with room for only a part of it fails at the next attempt, with the reason.
                rest = rest.dropFirst(written)
            }
        }
    }

    /// The records of a file. A last line without its end was cut off when the process was killed, and is
    /// left out.
    package static func records(in contents: Data) throws -> [HistoryRecord] {
        let decoder = JSONDecoder()
        var lines = contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        lines.removeLast()
        return try lines.map { try decoder.decode(HistoryRecord.self, from: $0) }
    }
}

internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A pipe on which a child says why it can't continue. Its log may be on the disk that is full.
package final class LastWords: Sendable {
    private let pipe: PrivatePipe

    package init() throws {
        pipe = try PrivatePipe()
        _ = fcntl(pipe.exit, F_SETFL, O_NONBLOCK)
    }

    /// The child's end, to be its standard output.
    package var childEnd: Int32 { pipe.entry }

    /// What a child that is over has said; nil when it had nothing to say.
    package func read() -> String? {
        var bytes = [UInt8](repeating: 0, count: Self.limit)
        let count = systemRead(pipe.exit, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    /// In the child: says `words`, and ends the process at once.
    package static func end(_ words: String) -> Never {
        let bytes = Array(words.utf8.prefix(limit))
        _ = write(STDOUT_FILENO, bytes, bytes.count)
        _exit(status)
    }

    /// The exit status of a child that has said why.
    package static let status: Int32 = 74
    /// How many bytes a pipe takes without a reader.
    private static let limit = 4096
}

/// The system's `read`, a name that means something else in ``LastWords``.
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}

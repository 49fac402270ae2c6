internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A pipe by which a child notices that its parent is gone: nothing is ever written to it, and the child's
/// standard input ends when the parent's end closes, however the parent died.
///
/// A stopped child can't notice. It does not need to: its process group is orphaned by the parent's death,
/// and the kernel itself sends SIGHUP and SIGCONT to a stopped process in a newly orphaned group.
package final class LifeLine: Sendable {
    private let pipe: PrivatePipe

    package init() throws { pipe = try PrivatePipe() }

    /// The child's end, to be its standard input.
    package var childEnd: Int32 { pipe.exit }

    /// In the child: ends the process at once when its standard input does.
    package static func dieWithParent() throws {
        try startBlockingThread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { _exit(orphanedStatus) }
            }
        }
    }

    private static let orphanedStatus: Int32 = 70
}

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A pipe that no program inherits unless it is given one of its ends.
package final class PrivatePipe: Sendable {
    package let exit: Int32
    package let entry: Int32

    package init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError("cannot create a pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (exit, entry) = (ends[0], ends[1])
    }

    deinit {
        close(exit)
        close(entry)
    }
}

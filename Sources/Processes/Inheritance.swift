internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What this program was started with, and a command that it runs must find unchanged: the signals that were
/// blocked or ignored, and the open descriptors.
///
/// This program changes its own: it ignores SIGPIPE, catches signals meant for the command, opens
/// connections. So all of this is recorded before that, by the first use of ``atStart``.
///
/// SIGCHLD is left out. If a parent ignores it, its children cannot learn how theirs end; `flock` and
/// `timeout` reset it, too.
package struct Inheritance: Sendable {
    /// Recorded at its first use, which belongs at the very beginning of the program.
    package static let atStart = Inheritance()

    let blockedSignals: sigset_t
    let ignoredSignals: Set<Int32>
    /// The open descriptors beyond the standard streams.
    let descriptors: Set<Int32>

    private init() {
        var blocked = sigset_t()
        sigemptyset(&blocked)
        pthread_sigmask(SIG_SETMASK, nil, &blocked)
        blockedSignals = blocked
        ignoredSignals = Set((1..<Self.signalLimit).filter { $0 != SIGCHLD && Self.isIgnored($0) })
        descriptors = Set(OpenDescriptors.beyondStandardStreams().filter { fcntl($0, F_GETFD) != -1 })
    }

    package func ignores(_ number: Int32) -> Bool { ignoredSignals.contains(number) }

    /// One above the last signal of any system.
    private static let signalLimit: Int32 = 65

    static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        // The handler is the first member everywhere, and SIG_IGN is not a function that could be compared
        // with.
        return withUnsafeBytes(of: action) { $0.loadUnaligned(as: UInt.self) } == 1
    }
}

enum OpenDescriptors {
    /// Empty if the system does not list them.
    static func beyondStandardStreams() -> [Int32] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")
        return (names ?? []).compactMap { Int32($0) }.filter { $0 > 2 }
    }
}

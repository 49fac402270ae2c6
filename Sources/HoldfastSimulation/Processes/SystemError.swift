#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A system call that failed: what was tried, and the system's words for why it did not work.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    package var attempt: String
    package var number: Int32

    /// Takes the reason from `errno`.
    package init(_ attempt: String) {
        self.init(attempt, number: errno)
    }

    package init(_ attempt: String, number: Int32) {
        self.attempt = attempt
        self.number = number
    }

    package var description: String { "\(attempt): \(reason)" }

    /// The system's words.
    var reason: String { String(cString: strerror(number)) }
}

internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A failed system call: what was tried, and the system's words for why it did not work.
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
    package var reason: String { String(cString: strerror(number)) }

    /// The system's words for an error that Foundation wraps in one of its own.
    ///
    /// - Parameter words: the text for an error that does not come from the system.
    package static func reason(for error: any Error, else words: (any Error) -> String) -> String {
        let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error ?? error
        let system = cause as NSError
        guard system.domain == NSPOSIXErrorDomain else { return words(cause) }
        return SystemError("", number: Int32(clamping: system.code)).reason
    }
}

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A fake server or a proxy could not be set up.
package struct WireError: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }

    /// What failed, with the system's reason in `errno`.
    init(system what: String) {
        description = "\(what): \(String(cString: strerror(errno)))"
    }
}

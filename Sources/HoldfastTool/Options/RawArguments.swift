internal import Processes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The arguments of this program, as bytes. `CommandLine.arguments` repairs what is not UTF-8, which turns a
/// name into another one.
enum RawArguments {
    /// What is wrong with the arguments or the environment; nil if all of it is UTF-8. The command of `run`
    /// may be any bytes.
    ///
    /// Does not show any of it: a URL may hold a password.
    static var trouble: String? {
        let arguments = CString.commandLine.dropFirst()
        let ours = arguments.first == CString("run") ? arguments.prefix { $0 != CString("--") } : arguments
        for (index, argument) in ours.enumerated()
        where String(validating: argument.bytes, as: UTF8.self) == nil {
            return "argument \(index + 1) is not UTF-8, as names, ids and paths must be"
        }
        for name in ["HOLDFAST_REDIS_URL", "HOLDFAST_NAMESPACE"] {
            guard let value = getenv(name), String(validatingCString: value) == nil else { continue }
            return "\(name) is not UTF-8"
        }
        return nil
    }
}

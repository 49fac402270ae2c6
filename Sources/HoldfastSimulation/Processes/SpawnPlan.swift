internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// How a child process is to be started.
package struct SpawnPlan: Sendable {
    /// Where one of the child's standard streams comes from.
    package enum Stream: Hashable, Sendable {
        /// The parent's own.
        case inherited
        case descriptor(Int32)
        /// A file, opened for appending and created if need be.
        case appending(path: String)
        case nothing
    }

    /// Found by `PATH` if it has no slash.
    package var executable: String
    /// Without the zeroth.
    package var arguments: [String]
    /// Added to the parent's environment.
    package var environment: [String: String] = [:]
    /// Names in the parent's environment that the child does not get: what is secret is not inherited.
    package var withheld: Set<String> = []
    package var input = Stream.inherited
    package var output = Stream.inherited
    package var error = Stream.inherited

    package init(_ executable: String, _ arguments: [String] = []) {
        self.executable = executable
        self.arguments = arguments
    }

    /// Starts the child as the leader of a process group of its own, with no descriptor but its standard
    /// streams.
    ///
    /// - Throws: ``SystemError``; `ENOENT` when there is no such program, `EACCES` when it can't be executed.
    package func start() throws -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (stream, target) in zip([input, output, error], Int32(0)...) {
            Self.connect(stream, to: target, in: &actions)
        }
        // All descriptors of this program are opened close-on-exec; those of a library that forgot it end
        // here.
        for descriptor in Self.openDescriptors() where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        // This program ignores SIGPIPE; an ignored signal would stay ignored in the child.
        var defaultSignals = sigset_t()
        sigemptyset(&defaultSignals)
        sigaddset(&defaultSignals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaultSignals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var pid: pid_t = 0
        let failure = try withCStrings([executable] + arguments) { argv in
            try withCStrings(mergedEnvironment()) { environment in
                posix_spawnp(&pid, executable, &actions, &attributes, argv, environment)
            }
        }
        guard failure == 0 else { throw SystemError("cannot start \(executable)", number: failure) }
        return ChildProcess(pid: pid)
    }

    private func mergedEnvironment() -> [String] {
        ProcessInfo.processInfo.environment.filter { !withheld.contains($0.key) }
            .merging(environment) { _, new in new }.map { "\($0)=\($1)" }
    }

    private static func connect(
        _ stream: Stream, to target: Int32, in actions: inout posix_spawn_file_actions_t
    ) {
        switch stream {
        case .inherited:
            break
        case .descriptor(let source):
            posix_spawn_file_actions_adddup2(&actions, source, target)
        case .appending(let path):
            posix_spawn_file_actions_addopen(&actions, target, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        case .nothing:
            posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
        }
    }

    private static func openDescriptors() -> [Int32] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")
        return (names ?? []).compactMap { Int32($0) }
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) throws -> Result
) throws -> Result {
    let pointers = strings.map { strdup($0) }
    defer { pointers.forEach { free($0) } }
    guard !pointers.contains(nil) else { throw SystemError("cannot start a process") }
    return try body(pointers + [nil])
}

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
    package var executable: CString
    /// Without the zeroth.
    package var arguments: [CString]
    /// Added to the parent's environment.
    package var environment: [String: String] = [:]
    /// Names in the parent's environment that the child does not get: what is secret is not inherited.
    package var withheld: Set<String> = []
    package var input = Stream.inherited
    package var output = Stream.inherited
    package var error = Stream.inherited
    /// What the child gets of the signals and descriptors that this program was started with. By default nothing: no
    /// signal is blocked or ignored, and no descriptor open but the standard streams.
    package var inheritance: Inheritance?

    package init(_ executable: String, _ arguments: [String] = []) {
        self.init(CString(executable), arguments.map { CString($0) })
    }

    package init(_ executable: CString, _ arguments: [CString]) {
        self.executable = executable
        self.arguments = arguments
    }

    /// Starts the child as the leader of a process group of its own.
    ///
    /// - Parameter adoptingOrphans: see ``ChildProcess``.
    /// - Throws: ``SystemError``; `ENOENT` when there is no such program, `EACCES` when it can't be executed.
    package func start(adoptingOrphans: Bool = false) throws -> ChildProcess {
        // Else the kernel reaps the child, and nobody is told its status.
        if Inheritance.isIgnored(SIGCHLD) { signal(SIGCHLD, SIG_DFL) }
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        var files: [Int32] = []
        defer { files.forEach { close($0) } }
        for (stream, target) in zip([input, output, error], Int32(0)...) {
            try Self.connect(stream, to: target, in: &actions, opening: &files)
        }
        // All descriptors of this program are opened close-on-exec; those of a library that forgot it end
        // here.
        let kept = inheritance?.descriptors ?? []
        for descriptor in OpenDescriptors.beyondStandardStreams() where !kept.contains(descriptor) {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        setSignals(&attributes)
        let watch = try ChildWatch()
        do {
            let pid = try spawn(&actions, &attributes)
            return watch.begin(pid: pid, adoptsOrphans: adoptingOrphans)
        } catch {
            watch.cancel()
            throw error
        }
    }

    /// A signal that is caught here has its default effect in the child by itself; one that is ignored would stay
    /// ignored.
    private func setSignals(_ attributes: inout posix_spawnattr_t) {
        var blocked = sigset_t()
        sigemptyset(&blocked)
        // Threads of libraries block signals, so the child must not get the mask of the thread that starts it.
        if let inheritance { blocked = inheritance.blockedSignals }
        posix_spawnattr_setsigmask(&attributes, &blocked)
        var reset = sigset_t()
        sigfillset(&reset)
        for number in inheritance?.ignoredSignals ?? [] { sigdelset(&reset, number) }
        posix_spawnattr_setsigdefault(&attributes, &reset)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    }

    /// As `execvp` does: tries each folder of `PATH`, and lets the shell run a file that is executable and has no
    /// format that the system knows, such as a script without `#!`.
    private func spawn(
        _ actions: inout posix_spawn_file_actions_t, _ attributes: inout posix_spawnattr_t
    ) throws -> pid_t {
        var pid: pid_t = 0
        let failure = try CString.withPointers(to: mergedEnvironment) { environment in
            var failure = ENOENT
            var isForbidden = false
            for path in candidates {
                failure = try Self.spawn(
                    &pid, path, [executable] + arguments, environment, &actions, &attributes)
                if failure == ENOEXEC {
                    let shell = CString("/bin/sh")
                    failure = try Self.spawn(
                        &pid, shell, [shell, path] + arguments, environment, &actions, &attributes)
                }
                guard [EACCES, ENOENT, ENOTDIR, ENODEV, ESTALE, ETIMEDOUT].contains(failure) else {
                    return failure
                }
                isForbidden = isForbidden || failure == EACCES
            }
            return isForbidden ? EACCES : failure
        }
        guard failure == 0 else { throw SystemError("cannot start \(executable.text)", number: failure) }
        return pid
    }

    private static func spawn(
        _ pid: inout pid_t, _ path: CString, _ words: [CString],
        _ environment: [UnsafeMutablePointer<CChar>?],
        _ actions: inout posix_spawn_file_actions_t, _ attributes: inout posix_spawnattr_t
    ) throws -> Int32 {
        try CString.withPointers(to: [path] + words) { pointers in
            guard let path = pointers[0] else { return ENOENT }
            return posix_spawn(&pid, path, &actions, &attributes, Array(pointers.dropFirst()), environment)
        }
    }

    /// The files that may be meant by ``executable``.
    private var candidates: [CString] {
        let (name, slash) = (executable.bytes, UInt8(ascii: "/"))
        guard !name.isEmpty else { return [] }
        guard !name.contains(slash) else { return [executable] }
        let path = getenv("PATH").map { CString(copying: $0) } ?? CString("/bin:/usr/bin")
        return path.bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(
            Array.init
        )
        .map { folder in
            CString(bytes: folder.isEmpty ? name : folder + [slash] + name)
        }
    }

    private var mergedEnvironment: [CString] {
        let replaced = Set((withheld.union(environment.keys)).map { Array($0.utf8) })
        return CString.environment.filter { !replaced.contains(Array($0.variableName)) }
            + environment.map { CString("\($0)=\($1)") }
    }

    /// - Parameter files: what is opened for the child, to be closed afterwards.
    private static func connect(
        _ stream: Stream, to target: Int32, in actions: inout posix_spawn_file_actions_t,
        opening files: inout [Int32]
    ) throws {
        switch stream {
        case .inherited:
            break
        case .descriptor(let source):
            posix_spawn_file_actions_adddup2(&actions, source, target)
        case .appending(let path):
            // Here and not in the child, so that a failure is told of the file and not of the program.
            let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw SystemError("cannot open \(path)") }
            files.append(file)
            posix_spawn_file_actions_adddup2(&actions, file, target)
        case .nothing:
            posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
        }
    }
}

internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

#if canImport(Darwin)
    private typealias SpawnActions = posix_spawn_file_actions_t?
    private typealias SpawnAttributes = posix_spawnattr_t?
#else
    private typealias SpawnActions = posix_spawn_file_actions_t
    private typealias SpawnAttributes = posix_spawnattr_t
#endif

/// How a child process is to be started.
package struct SpawnPlan: Sendable {
    /// Where one of the child's standard streams comes from.
    package enum Stream: Hashable, Sendable {
        /// The parent's own.
        case inherited
        case descriptor(Int32)
        /// A file, opened for appending and created if necessary.
        case appending(path: String)
        case nothing
    }

    /// What the child leads, so that signals to this program's own job do not reach it.
    package enum Isolation: Hashable, Sendable {
        /// A process group: a job of the same terminal.
        case group
        /// A session without a terminal.
        case session
    }

    /// Looked up in `PATH` if it has no slash.
    package var executable: CString
    /// The arguments without the zeroth.
    package var arguments: [CString]
    /// Added to the parent's environment.
    package var environment: [String: String] = [:]
    /// Names in the parent's environment that the child does not get: secrets are not inherited.
    package var withheld: Set<String> = []
    package var input = Stream.inherited
    package var output = Stream.inherited
    package var error = Stream.inherited
    /// What separates it from this program.
    package var isolation = Isolation.group
    /// What the child inherits of the signals and descriptors that this program was started with. Defaults to
    /// nothing: no signal is blocked or ignored, and only the standard streams are open.
    package var inheritance: Inheritance?

    package init(_ executable: String, _ arguments: [String] = []) {
        self.init(CString(executable), arguments.map { CString($0) })
    }

    package init(_ executable: CString, _ arguments: [CString]) {
        self.executable = executable
        self.arguments = arguments
    }

    /// Starts the child, and a thread that waits for it.
    ///
    /// - Parameter adoptingOrphans: see ``ChildProcess``.
    /// - Throws: ``SystemError``; `ENOENT` if there is no such program, `EACCES` if it can't be executed.
    package func start(adoptingOrphans: Bool = false) throws -> ChildProcess {
        // Otherwise the kernel reaps the child, and its status is lost.
        if Inheritance.isIgnored(SIGCHLD) { signal(SIGCHLD, SIG_DFL) }
        let watch = try ChildWatch()
        do {
            return watch.begin(pid: try startUnwatched(), adoptsOrphans: adoptingOrphans)
        } catch {
            watch.cancel()
            throw error
        }
    }

    /// Starts the child. The caller must wait for it with `waitpid`.
    ///
    /// - Throws: ``SystemError``, like ``start(adoptingOrphans:)``.
    package func startUnwatched() throws -> Int32 {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        var files: [Int32] = []
        defer { files.forEach { close($0) } }
        for (stream, target) in streams {
            try Self.connect(stream, to: target, in: &actions, opening: &files)
        }
        setSignals(&attributes)
        let flags = closeOthers(in: &actions) | setIsolation(&attributes)
        posix_spawnattr_setflags(
            &attributes, Int16(flags | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)))
        return try spawn(&actions, &attributes)
    }

    private var streams: [(stream: Stream, target: Int32)] { [(input, 0), (output, 1), (error, 2)] }

    /// All descriptors of this program are opened close-on-exec; those of a library that forgot to are closed
    /// here. One that is closed in between is skipped.
    ///
    /// - Returns: the flag that makes the system do it, where it can.
    private func closeOthers(in actions: inout SpawnActions) -> Int32 {
        #if canImport(Darwin)
            if inheritance == nil {
                for (stream, target) in streams where stream == .inherited {
                    posix_spawn_file_actions_addinherit_np(&actions, target)
                }
                return Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)
            }
        #endif
        let kept = inheritance?.descriptors ?? []
        for descriptor in OpenDescriptors.beyondStandardStreams() where !kept.contains(descriptor) {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        return 0
    }

    /// A signal that is caught here has its default effect in the child without further effort; an ignored
    /// one would stay ignored.
    private func setSignals(_ attributes: inout SpawnAttributes) {
        var blocked = sigset_t()
        sigemptyset(&blocked)
        // Threads of libraries block signals, so the child must not inherit the mask of the thread that
        // starts it.
        if let inheritance { blocked = inheritance.blockedSignals }
        posix_spawnattr_setsigmask(&attributes, &blocked)
        var reset = sigset_t()
        sigfillset(&reset)
        for number in inheritance?.ignoredSignals ?? [] { sigdelset(&reset, number) }
        posix_spawnattr_setsigdefault(&attributes, &reset)
    }

    /// - Returns: the flag that makes the system do it.
    private func setIsolation(_ attributes: inout SpawnAttributes) -> Int32 {
        switch isolation {
        case .group:
            posix_spawnattr_setpgroup(&attributes, 0)
            return Int32(POSIX_SPAWN_SETPGROUP)
        case .session:
            return Self.newSession
        }
    }

    #if canImport(Darwin)
        private static let newSession = Int32(POSIX_SPAWN_SETSID)
    #else
        /// POSIX_SPAWN_SETSID, which <spawn.h> shows only to programs that define _GNU_SOURCE.
        private static let newSession: Int32 = 0x80
    #endif

    /// Like `execvp`: tries each directory of `PATH`, and lets the shell run a file that is executable but
    /// has no format that the system knows, such as a script without `#!`.
    private func spawn(
        _ actions: inout SpawnActions, _ attributes: inout SpawnAttributes
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
        _ actions: inout SpawnActions, _ attributes: inout SpawnAttributes
    ) throws -> Int32 {
        try CString.withPointers(to: [path] + words) { pointers in
            guard let path = pointers[0] else { return ENOENT }
            return posix_spawn(&pid, path, &actions, &attributes, Array(pointers.dropFirst()), environment)
        }
    }

    /// The files that ``executable`` may mean.
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

    /// - Parameter files: the descriptors opened for the child, to be closed afterwards.
    private static func connect(
        _ stream: Stream, to target: Int32, in actions: inout SpawnActions,
        opening files: inout [Int32]
    ) throws {
        switch stream {
        case .inherited:
            break
        case .descriptor(let source):
            posix_spawn_file_actions_adddup2(&actions, source, target)
        case .appending(let path):
            // Here and not in the child, so that a failure is reported for the file and not for the program.
            let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw SystemError("cannot open \(path)") }
            files.append(file)
            posix_spawn_file_actions_adddup2(&actions, file, target)
        case .nothing:
            posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
        }
    }
}

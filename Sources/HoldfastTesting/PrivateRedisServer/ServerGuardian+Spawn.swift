internal import Foundation

extension ServerGuardian {
    /// Starts a program in a session of its own, with `channel` as its standard input and output and no other
    /// descriptor of this process, with no signal blocked and none ignored.
    static func spawn(_ arguments: [String], channel: Int32) throws(PrivateRedisServerError) -> Int32 {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, channel, 0)
        posix_spawn_file_actions_adddup2(&actions, channel, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        for descriptor in otherDescriptors() {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | newSession
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var words = arguments.map { strdup($0) } + [nil]
        var environment = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { (words + environment).forEach { free($0) } }
        var processID: Int32 = 0
        let failure = posix_spawn(&processID, arguments[0], &actions, &attributes, &words, &environment)
        guard failure == 0 else {
            let reason = String(cString: strerror(failure))
            throw PrivateRedisServerError(.system, "\(arguments[0]) could not be started: \(reason)")
        }
        return processID
    }

    #if canImport(Darwin)
        private static let newSession = Int32(POSIX_SPAWN_SETSID) | Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)

        /// None to close by hand: the flag above does it.
        private static func otherDescriptors() -> [Int32] { [] }
    #else
        /// POSIX_SPAWN_SETSID, which <spawn.h> shows only to programs that define _GNU_SOURCE.
        private static let newSession: Int32 = 0x80

        /// What this process has open besides its standard streams. One that is closed in between is passed
        /// over.
        private static func otherDescriptors() -> [Int32] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
            return names.compactMap { Int32($0) }.filter { $0 > 2 }
        }
    #endif
}

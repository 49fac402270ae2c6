internal import Foundation
internal import Holdfast

/// One private server from its first start to its end, with blocking calls.
///
/// The directory and the guardian are made by the first start, and go away with ``stop()`` or the end of this
/// value.
struct ServerProcess: ~Copyable {
    private let files: ServerFiles
    private let options: PrivateRedisServer.Options
    private var guardian: ServerGuardian?
    private var isStopped = false
    private(set) var processID: Int32?

    init(files: ServerFiles, options: PrivateRedisServer.Options) {
        self.files = files
        self.options = options
    }

    /// Starts the server, unless it is running, and waits until it answers.
    mutating func start() throws(PrivateRedisServerError) {
        guard !isStopped else {
            throw PrivateRedisServerError(.stopped, "The private redis-server was stopped.")
        }
        guard processID == nil else { return }
        if guardian == nil {
            try prepare()
        }
        guard let server = guardian?.startServer() else {
            throw PrivateRedisServerError(.system, "The guardian of the private redis-server is gone.")
        }
        processID = server
        let deadline = ContinuousClock.now + options.startDeadline.asDelay
        while !answers(until: deadline) {
            if ContinuousClock.now < deadline, !Self.hasEnded(server) {
                Self.nap()
                continue
            }
            let what =
                Self.hasEnded(server) ? "ended at its start" : "did not answer in \(options.startDeadline)"
            kill()
            throw PrivateRedisServerError(
                .startFailed, "The private redis-server \(what). The end of its log:\n\(files.logTail())")
        }
    }

    /// Kills the server, if there is one, and waits until it is gone.
    mutating func kill() {
        guard let server = processID else { return }
        if guardian?.endServer() != true {
            // Somebody killed the guardian, so it is up to us.
            _ = Foundation.kill(server, SIGKILL)
        }
        processID = nil
    }

    /// Ends the server as an operator would, and by force if it does not end within five seconds.
    mutating func terminate() {
        // A paused process receives its other signals when it continues.
        if let server = processID,
            guardian?.signalServer("TERM") == true, guardian?.signalServer("CONT") == true
        {
            let deadline = ContinuousClock.now + .seconds(5)
            while !Self.hasEnded(server), ContinuousClock.now < deadline {
                Self.nap()
            }
        }
        kill()
    }

    mutating func signal(_ name: String) throws(PrivateRedisServerError) {
        guard let server = processID, !Self.hasEnded(server), guardian?.signalServer(name) == true else {
            throw PrivateRedisServerError(.notRunning, "The private redis-server is not running.")
        }
    }

    /// Ends the server and the guardian, which removes the directory.
    mutating func stop() {
        terminate()
        guardian = nil
        isStopped = true
        try? FileManager.default.removeItem(atPath: files.directory)
    }

    private mutating func prepare() throws(PrivateRedisServerError) {
        guardian = try ServerGuardian.start(
            directory: files.directory, binary: options.binary ?? "redis-server")
        do {
            let text = options.configurationText(for: files)
            try text.write(toFile: files.configuration, atomically: false, encoding: .utf8)
            if options.tlsPort != nil { try files.writeCertificates() }
        } catch {
            throw PrivateRedisServerError(
                .system, "The files in \(files.directory) could not be written: \(error)")
        }
    }

    /// Whether the server answers a PING. One that is still loading its data says `-LOADING`; any other
    /// reply, even a demand for a password, comes from a server that is up.
    private func answers(until deadline: ContinuousClock.Instant) -> Bool {
        guard let socket = LocalSocket(path: files.socket), authenticate(socket, until: deadline),
            socket.send("PING\r\n"),
            let answer = socket.receiveLine(within: deadline - .now)
        else { return false }
        return !answer.hasPrefix("-LOADING")
    }

    /// Without its password, a server would not say whether it is still loading.
    private borrowing func authenticate(
        _ socket: borrowing LocalSocket, until deadline: ContinuousClock.Instant
    ) -> Bool {
        guard let password = options.password else { return true }
        return socket.send("*2\r\n$4\r\nAUTH\r\n$\(password.utf8.count)\r\n\(password)\r\n")
            && socket.receiveLine(within: deadline - .now) != nil
    }

    /// Whether the process is gone, or dead and not yet waited for by the guardian.
    private static func hasEnded(_ processID: Int32) -> Bool {
        if Foundation.kill(processID, 0) != 0 { return errno == ESRCH }
        // "123 (redis-server) Z 122 …". On systems without /proc the shell waits at once, and the line above
        // has already returned.
        guard let data = FileManager.default.contents(atPath: "/proc/\(processID)/stat") else { return false }
        return String(decoding: data, as: UTF8.self).split(separator: ")").last?.hasPrefix(" Z") == true
    }

    private static func nap() {
        usleep(2000)
    }
}

internal import Dispatch
internal import Foundation
internal import Synchronization

/// A real redis-server for one test, benchmark or demonstration, thrown away afterwards.
///
/// The server has a temporary directory of its own and listens on a unix socket there, so any number of them
/// run side by side, and none gets in the way of the machine's own redis-server. If you ask for it, clients
/// reach it over TCP or TLS instead. It is a real process and can be treated like one: killed, paused and
/// started again on the same files.
///
/// ```swift
/// try await withPrivateRedisServer { server in
///     let holdfast = try Holdfast(redis: server.url, logger: logger)
///     await server.kill()
///     try await server.restart()
/// }
/// ```
///
/// The server and its directory go away with ``stop()``, with the last reference to this object, and with the
/// owning process however that ends: Ctrl-C, a crash, `SIGKILL`. A guardian process sees to it: a shell that
/// waits for the end of a socket that only the owner holds. Only a `SIGKILL` of the guardian itself defeats
/// it.
///
/// All operations are safe to call from any task. They are done one after another on a thread of their own,
/// are not interrupted when the calling task is cancelled, and return when they have taken effect.
public final class PrivateRedisServer: Sendable {
    /// Where clients find the server, for example `redis+unix:///tmp/holdfast-4f1d…/redis.sock`; another kind
    /// of URL if ``Options/transport`` asks for it.
    ///
    /// It stays the same for the life of this object, even across ``restart()``.
    public let url: String

    /// The URL of the same server by its unix socket, whatever the transport is.
    public let unixURL: String

    /// The URL of the same server by TCP, `redis://127.0.0.1:<port>`; `nil` unless ``Options/tcpPort`` asked
    /// for it.
    public let tcpURL: String?

    /// The password of the server's default user, if it has one; see ``Options/password``.
    public let password: String?

    /// The path of the server's directory: its socket, configuration, log and data.
    public let directory: String

    private let process: Mutex<ServerProcess>
    private let currentProcessID = Mutex<Int32?>(nil)
    private let queue = DispatchQueue(label: "holdfast.private-redis-server")

    /// Starts a server and waits until it answers, for at most ``Options/startDeadline``.
    ///
    /// - Throws: ``PrivateRedisServerError`` with the code `notInstalled` if there is no redis-server, or
    ///   `startFailed`, with the end of the server's log, if it does not come up. Either leaves nothing
    ///   behind.
    public static func start(_ options: Options = Options()) async throws -> PrivateRedisServer {
        try await started(options)
    }

    private static func started(
        _ options: Options
    ) async throws(PrivateRedisServerError) -> PrivateRedisServer {
        // Another process can take a free port between the moment it was found and the server's bind.
        for _ in 1..<5 {
            do {
                return try await startOnce(options)
            } catch let failure where failure.message.contains("Address already in use") {
                continue
            }
        }
        return try await startOnce(options)
    }

    private static func startOnce(
        _ options: Options
    ) async throws(PrivateRedisServerError) -> PrivateRedisServer {
        let server = PrivateRedisServer(files: ServerFiles(), options: try options.resolved())
        try await server.perform { process throws(PrivateRedisServerError) in try process.start() }
        return server
    }

    private init(files: ServerFiles, options: Options) {
        url = options.authorized(options.url(for: files))
        unixURL = options.authorized(files.url)
        tcpURL = options.tcpPort.map { options.authorized("redis://127.0.0.1:\($0)") }
        password = options.password
        directory = files.directory
        process = Mutex(ServerProcess(files: files, options: options))
    }

    /// ``url`` for another user.
    public func url(user: String, password: String) -> String {
        let ownPassword = self.password.map { Self.encoded($0) + "@" } ?? ""
        return Self.url(url.replacing("://:\(ownPassword)", with: "://"), user: user, password: password)
    }

    static func url(_ url: String, user: String?, password: String) -> String {
        url.replacing("://", with: "://\(encoded(user ?? "")):\(encoded(password))@")
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
    }

    /// The id of the server's process; `nil` after ``kill()`` and ``stop()``, a new one after ``restart()``.
    ///
    /// A server that died by itself, or was killed by others, keeps its id here until the next operation.
    public var processID: Int32? {
        currentProcessID.withLock { $0 }
    }

    /// What the server has logged so far, across all its starts.
    public var log: String {
        ServerFiles(directory: directory).logText()
    }

    /// Ends the server by `SIGKILL`, as a crash would, and waits until its process is gone.
    ///
    /// Its files stay for ``restart()``. Does nothing if no server is running.
    public func kill() async {
        await perform { process in process.kill() }
    }

    /// Starts the server again on the same files and the same URL, and waits until it answers.
    ///
    /// A server that is still running, paused or not, is first ended by `SIGTERM`; for a crash, call
    /// ``kill()`` first. Data survives only as far as ``Options/appendOnly`` and ``Options/appendFsync`` have
    /// kept it.
    ///
    /// - Throws: ``PrivateRedisServerError`` with `startFailed`, or `stopped` after ``stop()``.
    public func restart() async throws {
        try await perform { process throws(PrivateRedisServerError) in
            process.terminate()
            try process.start()
        }
    }

    /// Freezes the server by `SIGSTOP`: connections stay open, and nothing answers until ``resume()``.
    ///
    /// - Throws: ``PrivateRedisServerError`` with `notRunning` if there is no server to freeze.
    public func pause() async throws {
        try await perform { process throws(PrivateRedisServerError) in try process.signal("STOP") }
    }

    /// Continues a paused server by `SIGCONT`. Does nothing to one that is running.
    ///
    /// - Throws: ``PrivateRedisServerError`` with `notRunning` if there is no server.
    public func resume() async throws {
        try await perform { process throws(PrivateRedisServerError) in try process.signal("CONT") }
    }

    /// Ends the server for good and removes its directory.
    ///
    /// Sends `SIGTERM`, then `SIGKILL` after five seconds, and returns when the process and the directory are
    /// gone. It also ends a paused server. Calling it again does nothing.
    public func stop() async {
        await perform { process in process.stop() }
    }

    /// Does blocking work on this server's own thread, so that waiting for a process never occupies a thread
    /// that Swift's tasks share.
    private func perform<R: Sendable, E: Error>(
        _ work: @escaping @Sendable (inout ServerProcess) throws(E) -> R
    ) async throws(E) -> R {
        let result: Result<R, E> = await withCheckedContinuation { continuation in
            queue.async {
                let result = self.process.withLock { process in
                    defer { self.currentProcessID.withLock { $0 = process.processID } }
                    return Result { () throws(E) -> R in try work(&process) }
                }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }
}

/// Starts a private redis-server, runs `body` with it, and stops it when `body` has returned or thrown.
///
/// - Parameters:
///   - options: How the server is set up. Defaults to a server that keeps everything in memory.
///   - body: May kill, pause and restart the server; must not use it after it returns.
/// - Throws: ``PrivateRedisServerError`` if no server could be started, otherwise what `body` throws.
public func withPrivateRedisServer<R>(
    _ options: PrivateRedisServer.Options = PrivateRedisServer.Options(),
    isolation: isolated (any Actor)? = #isolation,
    _ body: (PrivateRedisServer) async throws -> R
) async throws -> R {
    let server = try await PrivateRedisServer.start(options)
    let result: Result<R, any Error>
    do {
        result = .success(try await body(server))
    } catch {
        result = .failure(error)
    }
    await server.stop()
    return try result.get()
}

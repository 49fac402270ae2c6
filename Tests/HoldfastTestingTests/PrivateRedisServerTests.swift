import Foundation
import TestSupport
import Testing

@testable import HoldfastTesting

@Suite("A private redis-server")
struct PrivateRedisServerTests {
    @Test("answers on its unix socket as soon as it is started")
    func answers() async throws {
        try await withPrivateRedisServer(.init(transport: .unix, password: "")) { server in
            #expect(server.answer(to: "PING") == "+PONG")
            #expect(server.url == "redis+unix://\(server.directory)/redis.sock")
            #expect(server.unixURL == server.url)
            #expect(server.tcpURL == nil)
            let processID = try #require(server.processID)
            #expect(processExists(processID))
        }
    }

    @Test("leaves neither process nor directory behind when it is stopped")
    func stops() async throws {
        let server = try await PrivateRedisServer.start()
        let processID = try #require(server.processID)
        #expect(fileExists(server.directory))
        await server.stop()
        #expect(!processExists(processID))
        #expect(!fileExists(server.directory))
        #expect(server.processID == nil)
        await server.stop()
    }

    @Test("leaves nothing behind when it was paused or killed before")
    func stopsFromAnyState() async throws {
        let paused = try await PrivateRedisServer.start()
        let processID = try #require(paused.processID)
        try await paused.pause()
        await paused.stop()
        #expect(!processExists(processID))
        #expect(!fileExists(paused.directory))

        let killed = try await PrivateRedisServer.start()
        await killed.kill()
        await killed.stop()
        #expect(!fileExists(killed.directory))
    }

    @Test("ends with the last reference to it")
    func endsWithItsObject() async throws {
        func startAndForget() async throws -> (Int32, String) {
            let server = try await PrivateRedisServer.start()
            return (try #require(server.processID), server.directory)
        }
        let (processID, directory) = try await startAndForget()
        try await eventually("the server ends") { !processExists(processID) && !fileExists(directory) }
    }

    @Test("is stopped when the body that uses it throws")
    func stopsAfterAnError() async throws {
        struct Failure: Error {}
        var directory = ""
        await #expect(throws: Failure.self) {
            try await withPrivateRedisServer { server in
                directory = server.directory
                throw Failure()
            }
        }
        #expect(!directory.isEmpty)
        #expect(!fileExists(directory))
    }

    @Test("is stopped when the task that uses it was cancelled")
    func stopsAfterCancellation() async throws {
        let task = Task {
            try await withPrivateRedisServer { server in
                withUnsafeCurrentTask { $0?.cancel() }
                return server.directory
            }
        }
        #expect(!fileExists(try await task.value))
    }

    @Test("keeps its data over a kill when it has an append-only file")
    func keepsData() async throws {
        let options = PrivateRedisServer.Options(appendOnly: true, appendFsync: .always)
        try await withPrivateRedisServer(options) { server in
            #expect(server.answer(to: "SET key kept") == "+OK")
            let first = try #require(server.processID)
            await server.kill()
            #expect(!processExists(first))
            #expect(server.processID == nil)
            #expect(server.answer(to: "PING") == nil)
            try await server.restart()
            #expect(server.processID != first)
            #expect(server.answer(to: "STRLEN key") == ":4")
        }
    }

    @Test("restarts while it runs, while it is paused, and after it died by another hand")
    func restartsFromAnyState() async throws {
        try await withPrivateRedisServer { server in
            let first = try #require(server.processID)
            try await server.restart()
            #expect(!processExists(first))

            let second = try #require(server.processID)
            try await server.pause()
            try await server.restart()
            #expect(!processExists(second))

            kill(try #require(server.processID), SIGKILL)
            try await server.restart()
            #expect(server.answer(to: "PING") == "+PONG")
        }
    }

    @Test("answers nobody while it is paused, and then everybody")
    func pauses() async throws {
        try await withPrivateRedisServer { server in
            try await server.pause()
            #expect(server.answer(to: "PING", within: .milliseconds(100)) == nil)
            try await server.resume()
            #expect(server.answer(to: "PING") == "+PONG")
        }
    }

    @Test("says so when there is no process to pause, resume or restart")
    func refusesWithoutProcess() async throws {
        let server = try await PrivateRedisServer.start()
        await server.kill()
        await #expect(throws: PrivateRedisServerError.self) { try await server.pause() }
        await #expect(throws: PrivateRedisServerError.self) { try await server.resume() }
        await server.stop()
        let error = await #expect(throws: PrivateRedisServerError.self) { try await server.restart() }
        #expect(error?.code == .stopped)
        #expect(!fileExists(server.directory))
    }

    @Test("listens on a free TCP port too when asked")
    func listensOnTCP() async throws {
        try await withPrivateRedisServer(.init(tcpPort: 0, password: "")) { server in
            let url = try #require(server.tcpURL)
            let port = try #require(Int(url.split(separator: ":")[2]))
            #expect(url == "redis://127.0.0.1:\(port)")
            #expect(server.log.contains("port=\(port)"))
        }
    }

    @Test("is reached over TCP when asked, over its unix socket besides, and keeps the port over a restart")
    func transportTCP() async throws {
        try await withPrivateRedisServer(.init(transport: .tcp, password: "")) { server in
            #expect(server.url == server.tcpURL)
            #expect(server.unixURL == "redis+unix://\(server.directory)/redis.sock")
            try await server.restart()
            let port = try #require(server.url.split(separator: ":").last)
            #expect(server.log.split(separator: "port=\(port)").count == 3)
        }
    }

    @Test("is reached over TLS when asked, with certificates of its own that go away with it")
    func transportTLS() async throws {
        var directory = ""
        try await withPrivateRedisServer(.init(transport: .tls, password: "", binary: "redis-server")) {
            server in
            directory = server.directory
            #expect(server.url.hasPrefix("rediss://127.0.0.1:"))
            #expect(server.url.hasSuffix("?ca=\(directory)/ca.pem"))
            #expect(server.tcpURL == nil)
            #expect(fileExists("\(directory)/ca.pem"))
        }
        #expect(!fileExists(directory))
    }

    @Test("takes further configuration lines, which win over its own")
    func takesConfiguration() async throws {
        let options = PrivateRedisServer.Options(configuration: ["requirepass secret", "appendonly yes"])
        try await withPrivateRedisServer(options) { server in
            #expect(server.answer(to: "PING")?.hasPrefix("-NOAUTH") == true)
            let data = ["appendonlydir", "appendonly.aof"].map { "\(server.directory)/\($0)" }
            #expect(data.contains(where: fileExists))
        }
    }

    @Test("wants its password, which its URLs carry, and has other URLs for other users")
    func wantsItsPassword() async throws {
        try await withPrivateRedisServer(.init(tcpPort: 0, password: "p @\"w")) { server in
            #expect(server.unixURL.hasPrefix("redis+unix://:p%20%40%22w@/"))
            #expect(server.url.contains("://:p%20%40%22w@"))
            #expect(server.tcpURL?.hasPrefix("redis://:p%20%40%22w@127.0.0.1:") == true)
            #expect(server.url(user: "me", password: "x/y").contains("://me:x%2Fy@"))
            guard let socket = LocalSocket(path: ServerFiles(directory: server.directory).socket) else {
                Issue.record("nobody listens")
                return
            }
            let isSent = socket.send("PING\r\nAUTH \"p @\\\"w\"\r\n")
            let answers = [
                socket.receiveLine(within: .seconds(5)), socket.receiveLine(within: .seconds(5)),
            ]
            #expect(isSent)
            #expect(answers[0]?.hasPrefix("-NOAUTH") == true)
            #expect(answers[1] == "+OK")
        }
    }

    @Test("that does not come up shows its log, at once and without leaving anything")
    func showsItsLog() async throws {
        let error = await #expect(throws: PrivateRedisServerError.self) {
            try await PrivateRedisServer.start(
                .init(configuration: ["no-such-setting yes"], startDeadline: .seconds(600)))
        }
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("no-such-setting yes") == true)
    }

    @Test("that never answers is given up at the deadline")
    func givesUp() async throws {
        // A shell takes redis.conf for a script, does not understand the first lines, and obeys the last one.
        let options = PrivateRedisServer.Options(
            configuration: ["echo I say nothing; exec sleep 600"],
            binary: "/bin/sh",
            startDeadline: .milliseconds(1500)
        )
        let error = await #expect(throws: PrivateRedisServerError.self) {
            try await PrivateRedisServer.start(options)
        }
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("did not answer") == true)
        #expect(error?.message.contains("I say nothing") == true)
    }

    @Test("does its work when ten are started at once")
    func runsSideBySide() async throws {
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    try await withPrivateRedisServer { server in
                        #expect(server.answer(to: "INCR counter") == ":1")
                        return server.url
                    }
                }
            }
            let urls = try await group.reduce(into: Set()) { $0.insert($1) }
            #expect(urls.count == 10)
        }
    }
}

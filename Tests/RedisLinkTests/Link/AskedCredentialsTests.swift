import HoldfastTesting
import RedisLink
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@Suite("Credentials that are asked for")
struct AskedCredentialsTests {
    private static let canary = "CANARY-8fe1"

    @Test("the closure is asked at each connection, after it stands, and its answer is what is told")
    func asked() async throws {
        let count = Mutex(0)
        let server = try FakeRedisServer { command in command.name == "END" ? [.close] : nil }
        let ask: @Sendable () async throws -> Credentials = {
            let number = count.withLock { count in
                count += 1
                return count
            }
            return Credentials(user: "me", password: Secret("p\(number)"))
        }
        try await withLink(server.url, { $0.credentials = .asked(ask) }) { link in
            for _ in 0..<2 {
                try await expectInStep(link)
                _ = await failure { try await link.send(["END"]) }
            }
            try await link.connect()
        }
        #expect(server.received("AUTH").map(\.words) == (1...3).map { ["AUTH", "me", "p\($0)"] })
    }

    @Test("nobody is asked for credentials while no connection stands")
    func notAskedForNothing() async throws {
        let count = Mutex(0)
        let server = try FakeRedisServer()
        server.stop()
        let ask: @Sendable () async throws -> Credentials = {
            count.withLock { $0 += 1 }
            return Credentials(password: Secret("p"))
        }
        try await withLink(server.url, { $0.credentials = .asked(ask) }) { link in
            for _ in 0..<3 { #expect(await failure { try await link.connect() }?.code == .connectFailed) }
        }
        #expect(count.withLock { $0 } == 0)
    }

    @Test("a closure that throws fails the attempt, without its text, and is not asked without a pause")
    func throwing() async throws {
        struct VaultIsSealed: Error, CustomStringConvertible {
            var description: String { "token \(AskedCredentialsTests.canary)" }
        }
        let count = Mutex(0)
        let server = try FakeRedisServer()
        let ask: @Sendable () async throws -> Credentials = {
            count.withLock { $0 += 1 }
            throw VaultIsSealed()
        }
        try await withLink(server.url, { $0.credentials = .asked(ask) }) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .credentialsUnavailable)
            #expect(error?.delivery == .notDelivered)
            #expect(error?.message.contains("VaultIsSealed") == true)
            #expect("\(String(reflecting: error))".contains(Self.canary) == false)
            await hammer { _ = try? await link.send(["GET", "a"], timeout: .milliseconds(50)) }
            let late = await failure { try await link.send(["GET", "a"], timeout: .milliseconds(50)) }
            #expect(late?.code == .timeout)
            #expect(late?.message.contains("VaultIsSealed") == true, "it says why there is no connection")
            try await eventually("no connection is left open") { server.open == 0 }
        }
        let asked = count.withLock { $0 }
        #expect((2...40).contains(asked), "asked \(asked) times in a second")
        #expect(server.received.isEmpty)
    }

    @Test("a closure that hangs is given up after the connect timeout; its late answer changes nothing")
    func hanging() async throws {
        let waiting = Mutex<[CheckedContinuation<Credentials, Never>]>([])
        let isCancelled = Mutex(false)
        let server = try FakeRedisServer()
        let ask: @Sendable () async throws -> Credentials = {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    waiting.withLock { $0.append(continuation) }
                }
            } onCancel: {
                isCancelled.withLock { $0 = true }
            }
        }
        let change: @Sendable (inout RedisConfiguration) -> Void = {
            $0.credentials = .asked(ask)
            $0.connectTimeout = .milliseconds(50)
        }
        try await withLink(server.url, change) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .credentialsUnavailable)
            #expect(error?.message.contains("did not answer within") == true)
            #expect(isCancelled.withLock { $0 })
            for answer in waiting.withLock({ $0 }) {
                answer.resume(returning: Credentials(password: Secret("late")))
            }
            waiting.withLock { $0.removeAll() }
        }
        #expect(server.received.isEmpty, "nobody is told the late answer")
        for answer in waiting.withLock({ $0 }) {
            answer.resume(returning: Credentials(password: Secret("late")))
        }
    }

    @Test("closing the link ends the asking")
    func closedWhileAsking() async throws {
        let (cancelled, cancel) = AsyncStream<Void>.makeStream()
        let asked = Mutex(false)
        let server = try FakeRedisServer()
        let link = try makeLink(server.url) {
            $0.credentials = .asked {
                asked.withLock { $0 = true }
                await withTaskCancellationHandler {
                    for await _ in cancelled {}
                } onCancel: {
                    cancel.finish()
                }
                throw CancellationError()
            }
        }
        let connecting = Task { await failure { try await link.connect() } }
        try await eventually("it is asked") { asked.withLock { $0 } }
        await link.close()
        #expect(await connecting.value?.code == .closed)
        for await _ in cancelled {}
        try await eventually("the socket is gone") { server.open == 0 }
    }

    @Test("a server that turns a connection away while the closure is asked is told, and not spun on")
    func turnedAwayWhileAsking() async throws {
        let server = try FakeRedisServer { _ in
            nil
        } onConnect: { _ in
            [.reply(RESP2.error("ERR max number of clients reached")), .close]
        }
        let ask: @Sendable () async throws -> Credentials = {
            try await Task.sleep(for: .seconds(3600))
            return Credentials(password: Secret("p"))
        }
        try await withLink(server.url, { $0.credentials = .asked(ask) }) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("max number of clients") == true)
        }
    }

    @Test("after the password was changed and the connection killed, the closure's new answer lets it in")
    func rotation() async throws {
        let password = Mutex("first")
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { admin in
                _ = try await admin.send(["ACL", "SETUSER", "app", "on", ">first", "~*", "+@all"])
                let ask: @Sendable () async throws -> Credentials = {
                    Credentials(user: "app", password: Secret(password.withLock { $0 }))
                }
                try await withLink(server.url, { $0.credentials = .asked(ask) }) { link in
                    #expect(try await link.send(["ACL", "WHOAMI"]).value.string == "app")
                    _ = try await admin.send(["ACL", "SETUSER", "app", "resetpass", ">second"])
                    try await expectInStep(link)

                    _ = try await admin.send(["CLIENT", "KILL", "USER", "app"])
                    try await eventually("the old answer is refused") {
                        let reply = await outcome { () async throws(RedisError) in
                            try await link.send(["PING"])
                        }
                        guard case .failure(let error) = reply else { return false }
                        return error.code == .authenticationFailed
                    }
                    password.withLock { $0 = "second" }
                    try await eventually("the new one is not") { (try? await link.send(["PING"])) != nil }
                    #expect(try await link.send(["ACL", "WHOAMI"]).value.string == "app")

                    _ = try await admin.send(["ACL", "SETUSER", "app", "off"])
                    _ = try await admin.send(["CLIENT", "KILL", "USER", "app"])
                    try await eventually("a user that is off is refused") {
                        let reply = await outcome { () async throws(RedisError) in
                            try await link.send(["PING"])
                        }
                        guard case .failure(let error) = reply else { return false }
                        return error.code == .authenticationFailed && error.replyKind == "WRONGPASS"
                    }
                    _ = try await admin.send(["ACL", "DELUSER", "app"])
                    #expect(await failure { try await link.send(["PING"]) }?.code == .authenticationFailed)
                }
            }
        }
    }
}

import HoldfastTesting
import Logging
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@testable import RedisLink

@Suite("Connecting and connecting again")
struct ReconnectTests {
    @Test("nothing is connected before the first use, and one connection serves all later ones")
    func lazy() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url) { link in
            #expect(server.accepted == 0)
            try await link.connect()
            try await link.connect()
            _ = try await link.send(["PING"])
            #expect(server.accepted == 1)
        }
        try await eventually("closed with the link") { server.open == 0 }
    }

    @Test("connect throws the failure of its own attempt", arguments: Transport.allCases)
    func connectRefused(transport: Transport) async throws {
        let server = try FakeRedisServer(transport)
        server.stop()
        try await withLink(server.url) { link in
            for _ in 0..<2 {
                let error = await failure { try await link.connect() }
                #expect(error?.code == .connectFailed)
                #expect(error?.delivery == .notDelivered)
            }
        }
    }

    @Test("that a server is away is logged once, however often it is tried, and that it answers again")
    func outage() async throws {
        let server = try FakeRedisServer(onConnect: { $0 < 3 ? [.close] : [] })
        let told = Record<String>()
        let link = try RedisLink(RedisConfiguration(url: server.url), logger: .recording(told))
        for _ in 0..<3 { #expect(await failure { try await link.connect() }?.code == .connectFailed) }
        #expect(told.all.map { $0.hasSuffix("trying again") } == [true])
        _ = try await link.send(["PING"])
        #expect(told.all.last?.hasSuffix(" answers again") == true)
        server.stop()
        try await eventually("the loss is told") { told.count >= 3 }
        await link.close()
    }

    @Test("that a server accepts connections and cannot serve is logged once, too")
    func unfit() async throws {
        let server = try FakeRedisServer { command in
            command.name == "SET"
                ? [.reply(RESP2.error("READONLY You can't write against a read only replica."))] : nil
        }
        let told = Record<String>()
        let link = try RedisLink(RedisConfiguration(url: server.url), logger: .recording(told))
        for _ in 0..<4 { #expect(await failure { _ = try await link.send(["SET", "a", "b"]) } != nil) }
        try await eventually("connected anew each time") { server.accepted >= 4 }
        #expect(told.count == 1)
        await link.close()
    }

    @Test("a link without a server makes no more attempts because more commands wait")
    func noStorm() async throws {
        let server = try FakeRedisServer(onConnect: { _ in [.close] })
        try await withLink(server.url) { link in
            await hammer { _ = try? await link.send(["PING"], timeout: .milliseconds(2)) }
            // Ceilings of 50, 100, 200, 400, 800 ms: full jitter makes about seven attempts in a second.
            #expect((1...40).contains(server.accepted), "\(server.accepted) attempts in a second")
        }
    }

    @Test("a server that accepts and drops is met with a growing back-off")
    func backoffGrows() async throws {
        let server = try FakeRedisServer(onConnect: { _ in
            [.reply(RESP2.error("ERR max number of clients reached")), .close]
        })
        try await withLink(server.url) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("max number of clients reached") == true)
            // Without growth this would be an attempt every 25 ms.
            _ = await failure { try await link.send(["PING"], timeout: .seconds(1)) }
            #expect((2...30).contains(server.accepted), "\(server.accepted) attempts in a second")
        }
    }

    @Test("commands wait for the connection and then go out, in their order")
    func waiting() async throws {
        let server = try FakeRedisServer { command in command.name == "N" ? [.reply(RESP2.ok)] : nil }
        try await withLink(server.url) { link in
            let outcomes = Outcomes()
            await link.connection.sendAll((0..<50).map { ["N", RedisArgument($0)] }, to: outcomes)
            try await eventually("all answered") { outcomes.values.count == 50 }
            #expect(server.received("N").map { $0.words[1] } == (0..<50).map(String.init))
        }
    }

    @Test("a link goes on after its server was killed and started again")
    func restart() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                for round in 0..<3 {
                    #expect(
                        try await link.send(["INCR", "n"]).value.integer == 1, "an empty server each time")
                    await server.kill()
                    let error = await failure {
                        try await link.send(["INCR", "n"], timeout: .milliseconds(100))
                    }
                    #expect(error?.delivery != .refused, "round \(round)")
                    try await server.restart()
                    #expect(try await link.send(["GET", "n"]).value == .null)
                }
            }
        }
    }

    @Test("a frozen server is waited for, and no reply is lost or swapped by it")
    func frozen() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                try await link.connect()
                try await server.pause()
                let echo = Task { try await link.send(["ECHO", "a"]) }
                let late = await failure { try await link.send(["ECHO", "b"], timeout: .milliseconds(50)) }
                #expect(late?.code == .timeout)
                #expect(late?.delivery == .unknown)
                try await server.resume()
                #expect(try await echo.value.value.string == "a")
                #expect(try await link.send(["ECHO", "c"]).value.string == "c")
            }
        }
    }

    @Test("a killed connection is replaced")
    func clientKill() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                let before = try await link.send(["CLIENT", "ID"]).value.integer
                try await withLink(server.url) { other in
                    _ = try await other.send(["CLIENT", "KILL", "ID", RedisArgument(before ?? 0)])
                }
                try await eventually("another connection") {
                    (try? await link.send(["CLIENT", "ID"]).value.integer) != before
                }
            }
        }
    }

    @Test("a full server is an error that says so, and is tried again")
    func maxClients() async throws {
        var options = PrivateRedisServer.Options()
        options.configuration = ["maxclients 1"]
        try await withPrivateRedisServer(options) { server in
            try await withLink(server.url) { first in
                _ = try await first.send(["PING"])
                try await withLink(server.url) { second in
                    let error = await failure { try await second.connect() }
                    #expect(error?.code == .connectFailed)
                    #expect(error?.delivery == .notDelivered)
                    // Before the TLS handshake a server has no words.
                    let reason = server.url.hasPrefix("rediss") ? "and a full one" : "max number of clients"
                    #expect(error?.message.contains(reason) == true)
                    let waiting = Task { try await second.send(["ECHO", "x"]) }
                    await first.close()
                    let reply = try await waiting.value
                    #expect(reply.value.string == "x")
                }
            }
        }
    }

    @Test(
        "a loading server is connected to, and a command that it does not take until its deadline was refused"
    )
    func loading() async throws {
        let server = try FakeRedisServer { _ in [.reply(RESP2.error("LOADING Redis is loading"))] }
        try await withLink(server.url) { link in
            try await link.connect()
            var error: RedisError?
            // The last try may be on its way when the time is over: then what became of it is not known.
            try await eventually("the time is over between two tries") {
                error = await failure { try await link.send(["GET", "a"], timeout: .milliseconds(300)) }
                return error?.delivery != .unknown
            }
            #expect(error?.delivery == .refused)
            #expect(error?.replyKind == "LOADING")
        }
    }

    @Test("a path that is too long or does not exist fails as such", arguments: [20, 200])
    func badPath(length: Int) async throws {
        let path = "/tmp/" + String(repeating: "x", count: length)
        try await withLink("redis+unix://\(path)") { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == (length == 20 ? .connectFailed : .invalidConfiguration))
            #expect(error?.delivery == .notDelivered)
        }
    }

    @Test("a host that has no address fails as such")
    func unknownHost() async throws {
        try await withLink("redis://holdfast.invalid:6379") { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.delivery == .notDelivered)
        }
    }

    @Test("the next address of a host is tried when the first refuses")
    func addresses() async throws {
        // The fake server listens on 127.0.0.1 alone, and localhost may be ::1 first.
        let server = try FakeRedisServer(.tcp)
        let url = server.url.replacing("127.0.0.1", with: "localhost")
        try await withLink(url) { link in
            try await expectInStep(link)
        }
    }
}

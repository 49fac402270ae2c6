import HoldfastTesting
import RedisLink
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@Suite("Authentication")
struct AuthenticationTests {
    private static let canary = "CANARY-8fe1"

    @Test("user, password, database and name are told to the server before any command, on each connection")
    func greeting() async throws {
        let server = try FakeRedisServer { command in command.name == "END" ? [.close] : nil }
        let url = server.url.replacing("://", with: "://me:p%40ss@") + "?db=3"
        try await withLink(url, { $0.clientName = "tester" }) { link in
            for _ in 0..<2 {
                try await expectInStep(link)
                _ = await failure { try await link.send(["END"]) }
            }
            try await link.connect()
        }
        #expect(server.accepted == 3)
        for connection in 0..<3 {
            let words = server.received.filter { $0.connection == connection }.map(\.words)
            #expect(
                words.starts(with: [
                    ["AUTH", "me", "p@ss"], ["SELECT", "3"], ["CLIENT", "SETNAME", "tester"],
                ]))
        }
    }

    @Test("a password without a user is sent alone, and without anything the server is only asked to answer")
    func shortGreetings() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url.replacing("://", with: "://:pw@")) { try await $0.connect() }
        try await withLink(server.url) { try await $0.connect() }
        #expect(server.received.map(\.words) == [["AUTH", "pw"], ["PING"]])
    }

    @Test(
        "a refused password is an error of its own, and the connection is closed at once",
        arguments: [
            "WRONGPASS invalid username-password pair or user is disabled.",
            "ERR AUTH <password> called without any password configured for the default user.",
            "NOPERM this user has no permissions to run the 'auth' command",
        ])
    func refused(text: String) async throws {
        let server = try FakeRedisServer { command in
            command.name == "AUTH" ? [.reply(RESP2.error(text))] : nil
        }
        try await withLink(server.url.replacing("://", with: "://u:\(Self.canary)@")) { link in
            for error in [
                await failure { try await link.connect() },
                await failure { try await link.send(["GET", "a"]) },
            ] {
                #expect(error?.code == .authenticationFailed)
                #expect(error?.delivery == .notDelivered)
                #expect(error?.message.contains(text) == true)
                #expect("\(String(reflecting: error))".contains(Self.canary) == false)
            }
            try await eventually("no connection is left open") { server.open == 0 }
        }
        #expect(server.received.allSatisfy { $0.name == "AUTH" }, "nothing is sent as somebody else")
    }

    @Test("a server that wants a password and gets none fails the connection, not only the first command")
    func noPassword() async throws {
        var options = PrivateRedisServer.Options()
        options.configuration = ["requirepass pw"]
        try await withPrivateRedisServer(options) { server in
            try await withLink(server.url) { link in
                let error = await failure { try await link.connect() }
                #expect(error?.code == .authenticationFailed)
                #expect(error?.delivery == .notDelivered)
                #expect(error?.replyKind == "NOAUTH")
            }
            try await withLink(server.url.replacing("://", with: "://:pw@")) { try await expectInStep($0) }
        }
    }

    @Test("a wrong password makes no storm, however many commands are tried")
    func noStorm() async throws {
        let server = try FakeRedisServer { command in
            command.name == "AUTH" ? [.reply(RESP2.error("WRONGPASS no"))] : nil
        }
        try await withLink(server.url.replacing("://", with: "://u:\(Self.canary)@")) { link in
            await hammer { _ = try? await link.send(["GET", "a"]) }
            let attempts = server.received("AUTH").count
            #expect((2...40).contains(attempts), "\(attempts) attempts in a second")
        }
    }

    @Test("an ACL user works as far as its permissions go; a wrong password leaves no connection behind")
    func accessControlList() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { admin in
                _ = try await admin.send(
                    [
                        "ACL", "SETUSER", "me", "on", .string(">\(Self.canary)"), "~mine:*", "+get", "+set",
                        "+echo",
                    ])
                try await withLink(server.url(user: "me", password: Self.canary)) { link in
                    try await expectInStep(link)
                    _ = try await link.send(["SET", "mine:a", "1"])
                    let error = await failure { try await link.send(["SET", "other", "1"]) }
                    #expect(error?.delivery == .refused)
                    #expect(error?.replyKind == "NOPERM")
                }
                try await withLink(server.url(user: "me", password: "wrong")) { link in
                    let error = await failure { try await link.connect() }
                    #expect(error?.code == .authenticationFailed)
                    #expect(error?.replyKind == "WRONGPASS")
                }
                try await eventually("only the administrator is connected") {
                    let list = try await admin.send(["CLIENT", "LIST"]).value.string ?? ""
                    return list.split(separator: "\n").count == 1
                }
            }
        }
    }

    @Test("a database is selected on each connection")
    func database() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url(database: 5)) { link in
                _ = try await link.send(["SET", "a", "five"])
                try await withLink(server.url) { other in
                    #expect(try await other.send(["EXISTS", "a"]).value == .integer(0))
                    _ = try await other.send(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
                }
                try await eventually("a new connection") { (try? await link.send(["PING"])) != nil }
                #expect(try await link.send(["GET", "a"]).value.string == "five")
            }
            try await withLink(server.url(database: 99)) { link in
                let error = await failure { try await link.connect() }
                #expect(error?.code == .connectFailed)
                #expect(error?.message.contains("DB index is out of range") == true)
            }
        }
    }

    // MARK: Refusals

    @Test(
        "after a refusal nothing more is sent on the connection, and the attempts become rare",
        arguments: [
            "WRONGPASS invalid username-password pair or user is disabled.",
            "NOAUTH Authentication required.",
            "ERR invalid password", "ERR wrong number of arguments for 'auth' command",
        ])
    func nothingAfterRefusal(text: String) async throws {
        let server = try FakeRedisServer { command in
            command.name == "AUTH" ? [.reply(RESP2.error(text))] : nil
        }
        let url = server.url.replacing("://", with: "://u:\(Self.canary)@") + "?db=2"
        try await withLink(url, { $0.clientName = "tester" }) { link in
            await hammer { _ = try? await link.send(["GET", "a"]) }
            let error = await failure { try await link.connect() }
            #expect(error?.code == .authenticationFailed)
            #expect(error?.delivery == .notDelivered)
        }
        #expect(server.received.allSatisfy { $0.name == "AUTH" && $0.index == 0 })
        #expect((2...40).contains(server.accepted), "\(server.accepted) connections in a second")
    }

    @Test(
        "a server that repeats the arguments of a command it does not know tells no password",
        arguments: [
            (
                "ERR unknown command 'AUTH', with args beginning with: 'u' '",
                RedisError.Code.authenticationFailed
            ),
            ("", .connectFailed),
        ])
    func unknownCommand(before: String, code: RedisError.Code) async throws {
        let server = try FakeRedisServer { command in
            [.reply(RESP2.error("\(before)\(command.words[2])' unknown command"))]
        }
        try await withLink(server.url.replacing("://", with: "://u:\(Self.canary)@")) { link in
            let error = await failure { try await link.connect() }
            #expect(error?.code == code)
            #expect(error?.message.contains("unknown command") == true)
            #expect("\(String(reflecting: error))".contains(Self.canary) == false)
        }
    }

    @Test("a permission that the greeting lacks is named, and fails the connection")
    func greetingPermission() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { admin in
                _ = try await admin.send([
                    "ACL", "SETUSER", "me", "on", .string(">\(Self.canary)"), "~*", "+get",
                ])
                let url = server.url(user: "me", password: Self.canary)
                try await withLink(url, { $0.clientName = "n" }) { link in
                    let error = await failure { try await link.connect() }
                    #expect(error?.code == .permissionDenied)
                    // Redis 6.2 names the command without its subcommand.
                    #expect(error?.permission?.names.first?.hasPrefix("client") == true)
                }
            }
        }
    }
}

import Testing

@testable import RedisLink

@Suite("The greeting of a connection")
struct GreetingTests {
    private let credentials = Credentials(user: "me", password: Secret("CANARY-11d0"))
    private let format = DataFormat(key: "t:{format}", current: "2", known: ["1", "2"])

    private func greeting(
        as credentials: Credentials? = nil, listens: Bool = false,
        _ change: (inout RedisConfiguration) -> Void = { _ in }
    ) -> Greeting {
        var configuration = RedisConfiguration(endpoint: .unix(path: "/r.sock"))
        change(&configuration)
        return Greeting(configuration, as: credentials, listens: listens)
    }

    /// `done`, `goes on`, or the error's code.
    private func text(_ verdict: Greeting.Verdict) -> String {
        switch verdict {
        case .done: "done"
        case .goesOn: "goes on"
        case .failed(let error): error.code.description
        }
    }

    @Test("asks at least one thing, and is over with the last reply")
    func replies() {
        var bare = greeting()
        #expect(bare.opening == [["PING"]])
        #expect(text(bare.replied(.status("PONG"))) == "done")

        var full = greeting {
            $0.database = 3
            $0.clientName = "n"
            $0.format = format
        }
        #expect(
            full.opening == [
                ["SELECT", "3"], ["CLIENT", "SETNAME", "n"], ["SET", "t:{format}", "2", "NX"],
                ["GET", "t:{format}"],
            ])
        let verdicts = [.status("OK"), .status("OK"), .null, .bytes(Array("1".utf8))].map {
            text(full.replied($0))
        }
        #expect(verdicts == ["goes on", "goes on", "goes on", "done"])
    }

    @Test("sends the credentials alone, and the rest when the server has taken them")
    func credentialsFirst() {
        var alone = greeting(as: credentials)
        #expect(alone.opening == [["AUTH", "me", "CANARY-11d0"]])
        #expect(text(alone.replied(.status("OK"))) == "done")

        var greeting = greeting(as: credentials) {
            $0.database = 3
            $0.clientName = "n"
        }
        #expect(greeting.opening == [["AUTH", "me", "CANARY-11d0"]])
        guard case .goesOn(let commands) = greeting.replied(.status("OK")) else {
            Issue.record("nothing follows the credentials")
            return
        }
        #expect(commands == [["SELECT", "3"], ["CLIENT", "SETNAME", "n"]])
        guard case .goesOn(let none) = greeting.replied(.status("OK")) else {
            Issue.record("it was over before its last reply")
            return
        }
        #expect(none.isEmpty)
        #expect(text(greeting.replied(.status("OK"))) == "done")
    }

    @Test("on a connection for messages has no format")
    func listening() {
        #expect(greeting(listens: true) { $0.format = format }.opening == [["PING"]])
    }

    @Test(
        "tells a refusal of the credentials from one of the connection, and repeats no password",
        arguments: [
            ("WRONGPASS invalid username-password pair or user is disabled.", "authentication failed"),
            ("NOAUTH Authentication required.", "authentication failed"),
            ("NOPERM no", "authentication failed"),
            ("ERR invalid password CANARY-11d0", "authentication failed"),
            ("ERR max number of clients reached", "connect failed"),
            ("LOADING data", "connect failed"),
        ])
    func refusedCredentials(reply: String, code: String) {
        var greeting = greeting(as: credentials)
        guard case .failed(let error) = greeting.replied(.error(reply)) else {
            Issue.record("it goes on")
            return
        }
        #expect(error.code.description == code)
        #expect(error.delivery == .notDelivered)
        #expect(!error.message.contains("CANARY"))
    }

    @Test(
        "ends the connection for what must be, and for a server that serves nobody",
        arguments: [
            ("ERR DB index is out of range", "connect failed", "goes on"),
            ("NOPERM User a has no permissions to run the 'select' command", "permission denied", "goes on"),
            ("LOADING data", "connect failed", "goes on"),
            ("NOAUTH Authentication required.", "authentication failed", "authentication failed"),
            ("ERR max number of clients reached", "connect failed", "connect failed"),
        ])
    func refused(reply: String, required: String, asked: String) {
        var selecting = greeting { $0.database = 3 }
        #expect(text(selecting.replied(.error(reply))) == required)
        var asking = greeting { $0.format = format }
        #expect(text(asking.replied(.error(reply))) == asked, "the first is a mere PING")
        if asked == "goes on" { #expect(text(asking.replied(.error(reply))) == asked, "and then the mark") }
    }

    @Test(
        "does not end without knowing the format, unless nobody may look",
        arguments: [
            (RedisValue.bytes(Array("2".utf8)), "done"), (.null, "done"),
            (.bytes(Array("3".utf8)), "unknown format"),
            (.error("WRONGTYPE Operation against a key"), "unknown format"),
            (.error("LOADING data"), "connect failed"), (.error("NOAUTH no"), "authentication failed"),
            (.error("NOPERM no permissions to access the 't:{format}' key"), "done"),
        ])
    func formats(reply: RedisValue, verdict: String) {
        var greeting = greeting { $0.format = format }
        _ = greeting.replied(.status("PONG"))
        _ = greeting.replied(.null)
        #expect(text(greeting.replied(reply)) == verdict)
    }
}

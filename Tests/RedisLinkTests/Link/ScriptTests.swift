import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@Suite("Scripts")
struct ScriptTests {
    private let script = RedisScript(name: "join", source: "return {KEYS[1], ARGV[1], ARGV[2]}")

    @Test("a script is sent by its digest, and whole when the server does not know it")
    func noScript() async throws {
        let server = try FakeRedisServer { command in
            switch command.name {
            case "EVALSHA": [.reply(RESP2.error("NOSCRIPT No matching script."))]
            case "EVAL": [.reply(RESP2.integer(1))]
            default: nil
            }
        }
        try await withLink(server.url) { link in
            let reply = try await link.evaluate(script, keys: ["k"], arguments: ["a", .integer(7)])
            #expect(reply.value == .integer(1))
        }
        #expect(
            server.received.suffix(2).map(\.words) == [
                ["EVALSHA", script.digest, "1", "k", "a", "7"], ["EVAL", script.source, "1", "k", "a", "7"],
            ])
    }

    @Test("only NOSCRIPT is a reason to send it again")
    func otherErrors() async throws {
        let server = try FakeRedisServer { command in
            command.name == "EVALSHA" ? [.reply(RESP2.error("OOM no memory"))] : nil
        }
        try await withLink(server.url) { link in
            let error = await failure { try await link.evaluate(script, keys: [], arguments: []) }
            #expect(error?.replyKind == "OOM")
            #expect(error?.delivery == .refused)
            #expect(server.received("EVAL").isEmpty)
        }
    }

    @Test("a real server learns a script once, and again after SCRIPT FLUSH or a restart")
    func realServer() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                for _ in 0..<2 {
                    for _ in 0..<3 {
                        let reply = try await link.evaluate(script, keys: ["k"], arguments: ["a", "b"])
                        #expect(reply.value == .array(["k", "a", "b"].map { .bytes(Array($0.utf8)) }))
                    }
                    let calls = try await link.send(["INFO", "commandstats"]).value.string ?? ""
                    #expect(calls.contains("cmdstat_eval:calls=1,"), "the text goes out once")
                    _ = try await link.send(["SCRIPT", "FLUSH"])
                    _ = try await link.send(["CONFIG", "RESETSTAT"])
                }
                try await server.restart()
                let reply = try await link.evaluate(script, keys: ["k"], arguments: ["a", "b"])
                #expect(reply.value.array?.count == 3)
            }
        }
    }

    @Test("of many calls that are under way when the server forgot the script one brings its text")
    func oneText() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                let forget: [RedisCommand] = [["SCRIPT", "FLUSH"], ["CONFIG", "RESETSTAT"]]
                for command in forget { _ = try await link.send(command) }
                let outcomes = Outcomes()
                // Laid out in one turn, so that all have left before the first reply comes.
                await link.evaluateAll(script, count: 1000, to: outcomes)
                try await eventually("all ended") { outcomes.ended.count == 1000 }
                for index in 0..<1000 {
                    #expect(outcomes.values[index]?.array?[1].integer == Int64(index))
                }
                let calls = try await link.send(["INFO", "commandstats"]).value.string ?? ""
                #expect(calls.contains("cmdstat_eval:calls=1,"))
            }
        }
    }

    @Test("a call that is refused again behind the text brings it along itself")
    func textNotTaken() async throws {
        let server = try FakeRedisServer { command in
            switch command.name {
            case "EVALSHA": [.reply(RESP2.error("NOSCRIPT No matching script."))]
            case "EVAL": [.reply(RESP2.integer(1))]
            default: nil
            }
        }
        try await withLink(server.url) { link in
            let outcomes = Outcomes()
            await link.evaluateAll(script, count: 3, to: outcomes)
            try await eventually("all ended") { outcomes.ended.count == 3 }
            for index in 0..<3 { #expect(outcomes.values[index] == .integer(1)) }
        }
        #expect(server.received("EVALSHA").count == 5)
        #expect(server.received("EVAL").count == 3)
    }

    @Test("many tasks that bring the same unknown script all get their own answer")
    func concurrently() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                try await withThrowingTaskGroup { group in
                    for task in 0..<50 {
                        group.addTask {
                            let reply = try await link.evaluate(
                                script, keys: ["k"], arguments: [RedisArgument(task), "x"])
                            #expect(reply.value.array?[1].integer == Int64(task))
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("the form with a callback falls back in the same way")
    func callback() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                let outcomes = Outcomes()
                await link.evaluateAll(script, count: 10, to: outcomes)
                try await eventually("all ended") { outcomes.ended.count == 10 }
                for index in 0..<10 {
                    #expect(outcomes.values[index]?.array?[1].integer == Int64(index))
                }
            }
        }
    }
}

extension RedisLink {
    fileprivate func evaluateAll(_ script: RedisScript, count: Int, to outcomes: Outcomes) async {
        await withCheckedContinuation { continuation in
            thread.submit {
                for index in 0..<count {
                    let arguments = [RedisArgument(index), "x"]
                    self.send(RedisCommand(script, keys: ["k"], arguments: arguments)) {
                        outcomes.record(index, $0)
                    }
                }
                continuation.resume()
            }
        }
    }
}

import Foundation
import Holdfast
import HoldfastTesting
import Logging
import Processes
import TestSupport
import Testing

/// `holdfast queues`, `holdfast messages` and `holdfast once`, as real processes.
@Suite struct QueuesCommandTests {
    private struct Letters: Decodable {
        struct Letter: Decodable {
            var letter: String
            var id: String
            var reason: String
            var attempts: Int
            var body: String
        }

        var deadLetters: [Letter]
    }

    private struct Messages: Decodable {
        struct Message: Decodable {
            var queue: String
            var state: String
            var body: String?
        }

        var messages: [Message]
    }

    private struct Queue: Decodable {
        var pausedForMilliseconds: Int64?
    }

    private struct Removal: Decodable, Equatable {
        var queue: String
        var removed: Int
        var missing: Int
        var forgotten: Bool
    }

    private struct Instances: Decodable {
        struct Instance: Decodable {
            var pid: Int32
        }

        var instances: [Instance]
    }

    private struct Once: Decodable {
        var state: String
        var result: String?
    }

    private static func client(_ server: PrivateRedisServer) throws -> Holdfast {
        try Holdfast(redis: server.url, logger: .quiet)
    }

    /// A queue whose handler gives up what is negative, in order, after it has handled all.
    private static func withQueue(_ body: (PrivateRedisServer) async throws -> Void) async throws {
        try await withPrivateRedisServer { server in
            let holdfast = try client(server)
            let queue = holdfast.queue("q", of: Int.self)
            var options = ConsumerOptions()
            options.concurrency = 1
            holdfast.handle(queue, options: options) { number, _ in
                number < 0 ? .deadLetter("\(number) is negative") : .commit
            }
            try await queue.send(contentsOf: [("a", -1), ("b", 1), ("c", -2)])
            let run = Task { try await holdfast.run() }
            #expect(
                try await eventually {
                    let stats = try await queue.status()
                    return stats.dead == 2 && stats.ready + stats.inFlight == 0
                })
            run.cancel()
            _ = try await run.value
            try await body(server)
        }
    }

    @Test func `Dead letters are listed, and replayed once`() async throws {
        try await Self.withQueue { server in
            let listed: Letters = try await Tool.run(
                "queues", "dead", "ls", "q", "--json", server: server.url
            ).json()
            let letters = listed.deadLetters
            #expect(letters.map(\.id) == ["a", "c"] && letters.map(\.body) == ["-1", "-2"])
            #expect(letters[0].reason == "-1 is negative" && letters[0].attempts == 1)
            let one = try await Tool.run(
                "queues", "dead", "replay", "q", letters[0].letter, server: server.url)
            #expect(one.status == 0 && one.output == "1 message put back into q\n")
            let again = try await Tool.run(
                "queues", "dead", "replay", "q", letters[0].letter, server: server.url)
            #expect(again.status == 0)
            #expect(
                again.output == "0 messages put back into q, 1 no longer there, or without a message\n")
            let all = try await Tool.run("queues", "dead", "replay", "q", "--all", server: server.url)
            #expect(all.output == "1 message put back into q\n")
            #expect(try await Tool.run("queues", "dead", "replay", "q", server: server.url).status == 64)
            let table = try await Tool.run("queues", "show", "q", server: server.url)
            #expect(table.output.split(separator: "\n").last?.hasPrefix("q         2          0") == true)
        }
    }

    @Test func `A message is shown in its queue, and an id that no queue knows is told`() async throws {
        try await Self.withQueue { server in
            func states(_ id: String) async throws -> [String] {
                let shown: Messages = try await Tool.run("messages", "show", id, "--json", server: server.url)
                    .json()
                return shown.messages.map { "\($0.queue) \($0.state) \($0.body ?? "-")" }
            }
            #expect(try await states("a") == ["q dead -1"])
            #expect(try await states("b") == ["q done -"])
            let text = try await Tool.run("messages", "show", "c", "--queue", "q", server: server.url)
            #expect(text.output.contains("state   dead-lettered after 1 attempt\nreason  -2 is negative\n"))
            let unknown = try await Tool.run("messages", "show", "x", server: server.url)
            #expect(
                unknown.status == 1
                    && unknown.error.contains("no queue knows the message x in the namespace holdfast on "))
            try await redisCLI(server, "SADD", "holdfast:queues", "broken")
            try await redisCLI(server, "SET", "holdfast:{broken}:stream", "x")
            let partly = try await Tool.run("messages", "show", "x", server: server.url)
            #expect(partly.status == 1)
            #expect(partly.error.contains("the queue broken could not be read: "))
            #expect(partly.error.contains("no other queue knows the message x"))
        }
    }

    @Test func `A queue that nobody has used is told of, and is an error where something was to be changed`()
        async throws
    {
        try await Self.withQueue { server in
            for (status, words) in [
                (0, ["show", "qq"]), (0, ["dead", "ls", "qq"]), (1, ["dead", "show", "qq", "1-0"]),
                (1, ["pause", "qq"]),
                (1, ["resume", "qq"]), (1, ["dead", "replay", "qq", "--all"]),
                (1, ["dead", "replay", "qq", "1-0"]),
                (1, ["dead", "rm", "qq", "--all"]), (1, ["pause", "q", "--namespace", "other"]),
            ] as [(Int32, [String])] {
                let outcome = try await Tool(["queues"] + words, server: server.url).end()
                #expect(outcome.status == status, "\(words)")
                #expect(outcome.error.contains("nobody has used a queue q"), "\(words): \(outcome.error)")
                let isInOther = words.contains("other")
                #expect(outcome.error.contains("in the namespace \(isInOther ? "other" : "holdfast") on "))
                #expect(outcome.error.contains("Did you mean 'q'?") == !isInOther)
            }
            let paused: Queue = try await Tool.run("queues", "show", "qq", "--json", server: server.url)
                .json()
            #expect(paused.pausedForMilliseconds == nil)
            // One that only other clients have used is known by what is in it.
            try await redisCLI(server, "XADD", "holdfast:{plain}:stream", "*", "body", "1")
            let known = try await Tool.run("queues", "pause", "plain", server: server.url)
            #expect(known.status == 0 && known.error == "holdfast: plain is paused\n")
        }
    }

    @Test func `A queue is paused and resumed`() async throws {
        try await Self.withQueue { server in
            for (command, said) in [
                ("pause", "q is paused"), ("pause", "was paused already"), ("resume", "is resumed"),
                ("resume", "was not paused"),
            ] {
                let outcome = try await Tool.run("queues", command, "q", server: server.url)
                #expect(outcome.status == 0 && outcome.error.contains(said))
            }
        }
    }

    @Test func `A dead letter is shown, replayed and removed by the id of its message`() async throws {
        try await Self.withQueue { server in
            let shown = try await Tool.run("queues", "dead", "show", "q", "--id", "a", server: server.url)
            #expect(
                shown.status == 0
                    && shown.output.contains("reason    -1 is negative\nbytes     2\nbody      -1\n"))
            let letters: Letters = try await Tool.run(
                "queues", "dead", "show", "q", "--id", "a", "--id", "c", "--json", server: server.url
            ).json()
            #expect(letters.deadLetters.map(\.id) == ["a", "c"])
            let byName = try await Tool.run(
                "queues", "dead", "show", "q", letters.deadLetters[0].letter, server: server.url)
            #expect(byName.status == 0 && byName.output.contains("id        a\n"))

            let partly = try await Tool.run(
                "queues", "dead", "replay", "q", "--id", "a", "--id", "x", server: server.url)
            #expect(partly.status == 1 && partly.output == "1 message put back into q\n")
            #expect(partly.error == "holdfast: not among the dead letters: x\n")
            let again = try await Tool.run("queues", "dead", "replay", "q", "--id", "a", server: server.url)
            #expect(again.status == 1 && again.output == "0 messages put back into q\n")

            let removed = try await Tool.run("queues", "dead", "rm", "q", "--id", "c", server: server.url)
            #expect(removed.status == 0)
            #expect(removed.output == "1 dead letter of q removed; their ids stay known for 7 days\n")
            let gone = try await Tool.run("queues", "dead", "show", "q", "--id", "c", server: server.url)
            #expect(gone.status == 1 && gone.output.isEmpty)
            try await withFile(#"{"id":"c"}"#) { file in
                let sent = try await Tool.run("send", "q", file, "--id-field", "id", server: server.url)
                #expect(sent.output == "1 message sent to q: 0 enqueued, 1 duplicate\n")
            }
        }
    }

    @Test func `Dead letters that are removed with their ids can be sent again`() async throws {
        try await Self.withQueue { server in
            let removed = try await Tool.run(
                "queues", "dead", "rm", "q", "--all", "--forget", "--json", server: server.url)
            #expect(removed.status == 0)
            #expect(
                try removed.json(Removal.self) == Removal(queue: "q", removed: 2, missing: 0, forgotten: true)
            )
            try await withFile(#"{"id":"c"}"#) { file in
                let sent = try await Tool.run("send", "q", file, "--id-field", "id", server: server.url)
                #expect(sent.output == "1 message sent to q: 1 enqueued, 0 duplicates\n")
            }
        }
    }

    @Test func `Who handles a claimed message is shown, and the instances that are running`() async throws {
        try await withPrivateRedisServer { server in
            let holdfast = try Self.client(server)
            let queue = holdfast.queue("q", of: Int.self)
            let (handled, handling) = AsyncStream<Void>.makeStream()
            let (released, release) = AsyncStream<Void>.makeStream()
            holdfast.handle(queue) { (_: Int, _: Delivery) async throws -> Decision in
                handling.yield()
                for await _ in released { break }
                return .commit
            }
            try await queue.send(1, id: "a")
            let run = Task { try await holdfast.run() }
            for await _ in handled { break }
            let pid = ProcessInfo.processInfo.processIdentifier
            #expect(
                try await eventually {
                    let shown = try await Tool.run("messages", "show", "a", server: server.url)
                    return shown.output.contains("pid \(pid), attempt 1; the claim ends in ")
                })
            let instances = try await Tool.run("instances", "ls", server: server.url)
            #expect(instances.status == 0)
            #expect(instances.output.split(separator: "\n").count == 2)
            #expect(instances.output.contains(" \(pid)  "))
            let listed: Instances = try await Tool.run("instances", "ls", "--json", server: server.url).json()
            #expect(listed.instances.map(\.pid) == [pid])
            release.yield()
            run.cancel()
            _ = try await run.value
            let none = try await Tool.run("instances", "ls", server: server.url)
            #expect(
                none.error.contains("nothing was found"), "it left though it was cancelled: \(none.output)")
        }
    }

    @Test func `What was done once is shown with its result`() async throws {
        try await withPrivateRedisServer { server in
            let holdfast = try Self.client(server)
            _ = try await holdfast.once("evt", in: "stripe") { _ in ["receipt": 7] }
            @Sendable func state(_ id: String) async throws -> Once {
                try await Tool.run("once", "show", "stripe", id, "--json", server: server.url).json()
            }
            let done = try await state("evt")
            #expect(done.state == "done" && done.result == #"{"receipt":7}"#)
            #expect(try await state("other").state == "free")
            _ = try await holdfast.once("now", in: "stripe") { _ in
                #expect(try await state("now").state == "inProgress")
                let text = try await Tool.run("once", "show", "stripe", "now", server: server.url).output
                #expect(text.contains("pid \(ProcessInfo.processInfo.processIdentifier)"))
                return 1
            }
            await holdfast.close()
        }
    }

    @Test func `What cannot be used is told with a status of its own, and changes nothing`() async throws {
        try await Self.withQueue { server in
            for (status, words) in [
                (64, ["queues", "dead", "replay", "q", "nonsense"]),
                (64, ["queues", "dead", "replay", "q", "1-0", "99999999999999999999-0"]),
                (64, ["queues", "dead", "replay", "q", "1-0", "--all"]),
                (64, ["queues", "dead", "ls", "q", "--limit", "0"]), (64, ["queues", "show", ""]),
                (64, ["queues", "pause", ""]), (64, ["queues", "show"]), (64, ["queues", "show", "q", "r"]),
                (64, ["workers", "history", "w", "--limit", "-1"]), (64, ["workers", "pause", ""]),
                (64, ["once", "show", "", "x"]),
                (64, ["once", "show", "s", String(repeating: "x", count: 513)]), (64, ["messages", "show"]),
                (64, ["once", "show", "s"]),
                (1, ["messages", "show", ""]), (1, ["messages", "show", "a", "--queue", "other"]),
                (0, ["queues", "dead", "ls", "q"]), (0, ["queues", "show", "q"]), (0, ["workers", "ls"]),
            ] as [(Int32, [String])] {
                let outcome = try await Tool(words, server: server.url).end()
                #expect(outcome.status == status, "\(words): \(outcome.error)")
                #expect(outcome.error.isEmpty == (status == 0 && words != ["workers", "ls"]), "\(words)")
            }
            let letters: Letters = try await Tool.run(
                "queues", "dead", "ls", "q", "--json", server: server.url
            ).json()
            #expect(letters.deadLetters.map(\.id) == ["a", "c"])
        }
    }

    @Test func `A server that is not there has the status 69 with each command`() async throws {
        let commands = [
            ["queues", "ls"], ["queues", "show", "q"], ["queues", "pause", "q"], ["queues", "resume", "q"],
            ["queues", "dead", "ls", "q"], ["queues", "dead", "replay", "q", "--all"],
            ["messages", "show", "a"], ["once", "show", "s", "a"], ["workers", "ls"],
            ["workers", "history", "w"], ["workers", "trigger", "w"], ["workers", "pause", "w"],
            ["workers", "resume", "w"],
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for words in commands {
                group.addTask {
                    let outcome = try await Tool(words, server: "redis+unix:///nowhere.sock").end()
                    #expect(outcome.status == 69, "\(words)")
                    #expect(outcome.output.isEmpty && !outcome.error.isEmpty)
                }
            }
            try await group.waitForAll()
        }
    }
}

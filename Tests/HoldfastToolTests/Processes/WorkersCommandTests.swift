import HoldfastTesting
import Logging
import Processes
import RedisLink
import ServiceLifecycle
import TestSupport
import Testing

@testable import Holdfast

/// `holdfast workers`, as real processes, beside a client of this process that runs a worker.
@Suite struct WorkersCommandTests {
    private struct Workers: Decodable {
        struct Worker: Decodable {
            var name: String
            var schedule: String
            var rescheduled: Bool
            var pausedSince: String?
            var nextTick: String?
            var clockLagMilliseconds: Int?
        }
        var workers: [Worker]
    }

    private struct Runs: Decodable {
        struct Run: Decodable {
            var tick: String
            var triggered: Bool
            var outcome: String
            var error: String?
        }
        var runs: [Run]
    }

    private struct Broken: Error, CustomStringConvertible {
        let description = "out of paper\u{1B}[2J"
    }

    @Test func `A worker is listed, triggered, paused, rescheduled and resumed, and its runs are told`()
        async throws
    {
        try await withPrivateRedisServer { server in
            let logger = Logger.quiet
            let holdfast = try Holdfast(redis: server.url, logger: logger)
            holdfast.add(worker: "w", .every(.seconds(86_400))) { _ in throw Broken() }
            let group = ServiceGroup(services: [holdfast], logger: logger)
            func tool(_ words: String...) async throws -> Tool.Outcome {
                try await Tool(["workers"] + words, server: server.url).end()
            }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                let isKnown = try await eventually {
                    let listed: Workers = try await tool("ls", "--json").json()
                    return listed.workers.first?.nextTick != nil
                }
                #expect(isKnown)
                /// What the command said, if it did what it should.
                func said(_ words: String...) async throws -> String {
                    let outcome = try await Tool(["workers"] + words, server: server.url).end()
                    #expect(outcome.status == 0 && outcome.output.isEmpty)
                    return outcome.error.replacing("holdfast: ", with: "").replacing("\n", with: "")
                }
                #expect(try await said("pause", "w") == "w is paused")
                #expect(try await said("pause", "w") == "w was paused already")
                #expect(
                    try await said("trigger", "w") == "w runs once, as soon as one of its instances may begin"
                )
                let isRecorded = try await eventually {
                    let history: Runs = try await tool("history", "w", "--json").json()
                    return history.runs.count == 1
                }
                #expect(isRecorded)
                let history: Runs = try await tool("history", "w", "--json").json()
                #expect(history.runs.first?.outcome == "failed" && history.runs.first?.triggered == true)
                let text = try await tool("history", "w").output
                #expect(text.contains("out of paper") && !text.contains("\u{1B}"))
                #expect(
                    try await said("reschedule", "w", "30 2 * * *")
                        == "w follows \"cron 30 2 * * *\" from now on")
                #expect(
                    try await said("reschedule", "w", "every 12h") == "w follows \"every 12h\" from now on")
                #expect(try await said("reschedule", "w", "every 12h") == "w already follows \"every 12h\"")
                let listed: Workers = try await tool("ls", "--json").json()
                #expect(listed.workers.map(\.schedule) == ["every 12h"])
                #expect(listed.workers.first?.rescheduled == true && listed.workers.first?.pausedSince != nil)
                #expect(try await tool("ls").output.contains("paused"))
                #expect(try await tool("reschedule", "w", "now and then").status == 64)
                #expect(try await said("reschedule", "w") == "w follows the schedule of its code from now on")
                #expect(try await said("reschedule", "w") == "w already follows the schedule of its code")
                #expect(try await said("rewind", "w") == "w has no tick ahead of the server's clock")
                let key = try WorkerKeys("w", concurrency: 1, in: holdfast.core.keys).worker
                let hours =
                    try #require(try await holdfast.core.link.send(["TIME"]).value.array?.first?.integer)
                    + 7_200
                _ = try await holdfast.core.link.send([
                    "HSET", .string(key), "cursor", .integer(hours * 1000),
                ])
                try await holdfast.worker("w").resume()
                let behind = try await tool("ls")
                #expect(behind.output.contains("clock set back"))
                #expect(behind.error.contains("`holdfast workers rewind w` lets it continue now"))
                let lagging: Workers = try await tool("ls", "--json").json()
                #expect(lagging.workers.first?.clockLagMilliseconds ?? 0 > 7_000_000)
                #expect(try await said("rewind", "w") == "w continues by the server's clock")
                #expect(try await tool("ls").error.isEmpty)
                #expect(try await said("resume", "w") == "w was not paused")
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    @Test func `A worker that never ran is told as unknown, with status 1`() async throws {
        try await withPrivateRedisServer { server in
            for verb in ["history", "trigger", "pause", "resume", "reschedule", "rewind"] {
                let outcome = try await Tool.run("workers", verb, "w", server: server.url)
                #expect(outcome.status == 1)
                #expect(outcome.error.contains("no instance has ever run a worker w"))
                #expect(outcome.error.contains("in the namespace holdfast on "))
            }
        }
    }
}

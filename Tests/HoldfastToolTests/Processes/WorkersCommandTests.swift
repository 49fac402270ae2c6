import HoldfastTesting
import Logging
import ServiceLifecycle
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
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let holdfast = try Holdfast(redis: server.url, logger: logger)
            holdfast.addWorker("w", .every(.seconds(86_400))) { _ in throw Broken() }
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
                #expect(try await tool("pause", "w").status == 0)
                #expect(try await tool("trigger", "w").status == 0)
                let isRecorded = try await eventually {
                    let history: Runs = try await tool("history", "w", "--json").json()
                    return history.runs.count == 1
                }
                #expect(isRecorded)
                let history: Runs = try await tool("history", "w", "--json").json()
                #expect(history.runs.first?.outcome == "failed" && history.runs.first?.triggered == true)
                let text = try await tool("history", "w").output
                #expect(text.contains("out of paper") && !text.contains("\u{1B}"))
                #expect(try await tool("reschedule", "w", "every 12h").status == 0)
                let listed: Workers = try await tool("ls", "--json").json()
                #expect(listed.workers.map(\.schedule) == ["every 12h"])
                #expect(listed.workers.first?.rescheduled == true && listed.workers.first?.pausedSince != nil)
                #expect(try await tool("ls").output.contains("paused"))
                #expect(try await tool("reschedule", "w", "now and then").status == 64)
                #expect(try await tool("reschedule", "w").status == 0)
                #expect(try await tool("resume", "w").status == 0)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    @Test func `A worker that never ran is told as unknown, with status 1`() async throws {
        try await withPrivateRedisServer { server in
            for verb in ["history", "trigger", "pause", "resume", "reschedule"] {
                let outcome = try await Tool.run("workers", verb, "w", server: server.url)
                #expect(outcome.status == 1)
                #expect(outcome.error.contains("no instance has ever run a worker w"))
            }
        }
    }
}

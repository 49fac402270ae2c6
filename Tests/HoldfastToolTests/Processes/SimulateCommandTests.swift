import Foundation
import HoldfastSimulation
import HoldfastTesting
import Processes
import TestSupport
import Testing

/// `holdfast simulate`, with its real processes. One at a time: each loads the machine.
@Suite(.serialized) struct SimulateCommandTests {
    private static let messages = (0..<300).map { number in
        #"{"id":"m\#(number)","section":"s\#(number % 7)","size":"# + "\(number * 3)}\n"
    }.joined()

    @Test func `Every promise holds through a kill and a pause, and the totals are right`() async throws {
        try await withFile(Self.messages) { file in
            try await withFile("") { totals in
                let outcome = try await Tool.run(
                    "simulate", "--instances", "3", "--messages", file, "--kill", "1", "--pause", "1",
                    "--seed", "11", "--span", "4s", "--totals-by", "section", "--totals-of", "size",
                    "--totals-to", totals, "--json")
                #expect(outcome.status == 0)
                let report: SimulationReport = try outcome.json()
                #expect(report.holds)
                #expect(report.checks.map(\.check) == Verdict.Check.allCases)
                #expect(report.faults == FaultPlan(seed: 11, instances: 3, kills: 1, pauses: 1).faults)
                #expect(report.figures.effects == 300)
                #expect(report.figures.kills == 1)
                #expect(report.figures.pauses == 1)
                #expect(report.figures.redeliveries > 0)
                #expect(report.figures.ticks > 0)
                #expect(report.artifacts == nil)
                let expected = (0..<7).map { group in
                    "s\(group)\t\(stride(from: group, to: 300, by: 7).reduce(0) { $0 + $1 * 3 })\n"
                }
                #expect(try String(contentsOfFile: totals, encoding: .utf8) == expected.joined())
            }
        }
    }

    @Test func `Two spellings of one group are one group, and break no promise`() async throws {
        let spellings = ["caf\u{E9}", "cafe\u{301}"]
        let lines = (0..<20).map { "{\"id\":\"m\($0)\",\"section\":\"\(spellings[$0 % 2])\"}\n" }
        try await withFile(lines.joined()) { file in
            let outcome = try await Tool.run(
                "simulate", "--instances", "2", "--messages", file, "--span", "1s", "--totals-by", "section",
                "--json")
            #expect(outcome.status == 0)
            let report: SimulationReport = try outcome.json()
            #expect(report.holds)
            #expect(report.totals == [spellings[0]: 20])
        }
    }

    @Test func `Every promise holds when redis-server is killed and started again`() async throws {
        try await withFile(Self.messages) { file in
            // By this seed the kill comes first. Soon after a restart an instance may still wait for its next attempt to
            // connect, and a kill would meet no message in flight.
            let outcome = try await Tool.run(
                "simulate", "--instances", "3", "--messages", file, "--restart-redis", "1", "--kill", "1",
                "--seed", "1", "--span", "3s")
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("All promises held."))
            #expect(outcome.output.contains("1 restart of redis-server"))
        }
    }

    @Test(arguments: [
        (Sabotage.noInbox, 2, Verdict.Check.noDuplicateEffect), (.noFenceCheck, 2, .fencesRise),
        (.effectBesideCommit, 2, .redisCountsOnce), (.lockedTimer, 0, .noTickTwice),
    ])
    func `A service that is wrong on purpose is caught`(
        sabotage: Sabotage, pauses: Int, check: Verdict.Check
    ) async throws {
        try await withFile(Self.messages) { file in
            let outcome = try await Tool.run(
                "simulate", "--instances", "4", "--messages", file, "--pause", String(pauses), "--seed", "3",
                "--span", "3s", "--sabotage", sabotage.rawValue, "--json")
            #expect(outcome.status == 1)
            let report: SimulationReport = try outcome.json()
            #expect(report.checks.contains { $0.check == check && !$0.holds })
            let artifacts = try #require(report.artifacts)
            #expect(FileManager.default.fileExists(atPath: artifacts + "/ledger.sqlite"))
            try FileManager.default.removeItem(atPath: artifacts)
        }
    }

    @Test func `A given server is used in a namespace that is gone afterwards`() async throws {
        try await withPrivateRedisServer { server in
            try await withFile(Self.messages) { file in
                let outcome = try await Tool.run(
                    "simulate", "--instances", "2", "--messages", file, "--seed", "1", "--span", "1s",
                    "--redis-from-environment", server: server.url)
                #expect(outcome.status == 0)
            }
            let dump = server.directory + "/keys"
            var plan = SpawnPlan("redis-cli", ["-s", server.directory + "/redis.sock", "DBSIZE"])
            plan.environment["REDISCLI_AUTH"] = server.password
            plan.output = .appending(path: dump)
            let child = try plan.start()
            #expect(await eventually { child.state.isOver })
            #expect(try String(contentsOfFile: dump, encoding: .utf8) == "0\n")
        }
    }

    @Test func `A user that may not send ends the run at once, and keys that stay are told of`() async throws
    {
        try await withPrivateRedisServer { server in
            var plan = SpawnPlan(
                "redis-cli",
                [
                    "-s", server.directory + "/redis.sock", "ACL", "SETUSER", "limited", "on", ">secret",
                    "~*", "&*", "+@all", "-xadd", "-unlink",
                ])
            plan.environment["REDISCLI_AUTH"] = server.password
            let child = try plan.start()
            #expect(await eventually { child.state.isOver })
            try await withFile(Self.messages) { file in
                let path = server.directory + "/redis.sock"
                let outcome = try await Tool.run(
                    "simulate", "--instances", "2", "--messages", file, "--deadline", "1h",
                    "--redis-from-environment", server: "redis+unix://limited:secret@\(path)")
                #expect(outcome.status == 77)
                #expect(outcome.error.contains("xadd"))
                #expect(outcome.error.contains("could not be removed"))
            }
        }
    }

    @Test func `The directory that is kept, and what is printed, holds no password`() async throws {
        let artifacts = FileManager.default.temporaryDirectory.appending(path: "kept-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: artifacts) }
        try await withPrivateRedisServer(.init(password: "TEST-PASSWORD")) { server in
            try await withFile(Self.messages) { file in
                let outcome = try await Tool.run(
                    "simulate", "--instances", "2", "--messages", file, "--seed", "1", "--span", "1s",
                    "--kill", "1", "--artifacts", artifacts.path, "--redis-from-environment",
                    server: server.url)
                #expect(outcome.status == 0)
                #expect(!(outcome.output + outcome.error).contains("TEST-PASSWORD"))
            }
        }
        let files = try FileManager.default.subpathsOfDirectory(atPath: artifacts.path)
        #expect(files.contains("ledger.sqlite"))
        for file in files {
            let data = FileManager.default.contents(atPath: artifacts.appending(path: file).path) ?? Data()
            #expect(data.range(of: Data("TEST-PASSWORD".utf8)) == nil, "\(file)")
        }
    }

    @Test func `Messages that can't be used are told before anything starts`() async throws {
        try await withFile("{}\n{\n") { file in
            let outcome = try await Tool.run("simulate", "--messages", file)
            #expect(outcome.status == 65)
            #expect(outcome.error.contains("line 2: not one JSON value"))
            #expect(!outcome.error.contains("starting"))
            let given = try await Tool.run(
                "simulate", "--messages", "/dev/null", "--redis", "redis://localhost", "--restart-redis", "1")
            #expect(given.status == 65)
        }
        try await withFile("{}\n") { file in
            let outcome = try await Tool.run(
                "simulate", "--messages", file, "--redis", "redis://localhost", "--restart-redis", "1")
            #expect(outcome.status == 64)
        }
    }

    @Test func `A run that does not end is given up at its deadline, and says what is missing`() async throws
    {
        try await withFile(Self.messages) { file in
            let outcome = try await Tool.run(
                "simulate", "--instances", "2", "--messages", file, "--span", "60s", "--deadline", "2s",
                "--json")
            #expect(outcome.status == 1)
            let report: SimulationReport = try outcome.json()
            #expect(report.checks.contains { $0.check == .inTime && !$0.holds })
            #expect(report.figures.lost > 0)
            if let artifacts = report.artifacts { try FileManager.default.removeItem(atPath: artifacts) }
        }
    }

    /// Starts a run that would last long, and waits until its instances work.
    private static func withLongRun(
        _ body: (Tool, _ instances: Set<Int32>, _ artifacts: String) async throws -> Void
    ) async throws {
        let artifacts = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: artifacts) }
        try await withFile(Self.messages) { file in
            let tool = try Tool([
                "simulate", "--instances", "3", "--messages", file, "--span", "60s", "--artifacts", artifacts,
            ])
            #expect(await eventually { tool.error.contains("working") })
            let ledger = try EffectLedger(path: artifacts + "/ledger.sqlite")
            let instances = try await ledger.progress().upPIDs
            try ledger.close()
            #expect(instances.count == 3)
            try await body(tool, instances, artifacts)
        }
    }

    @Test func `Ctrl-C ends the instances and the server`() async throws {
        try await Self.withLongRun { tool, instances, _ in
            tool.child.signal(SIGINT)
            #expect(await tool.end().status == 128 + SIGINT)
            #expect(!instances.contains(where: isAlive))
        }
    }

    @Test func `The instances end when the simulation dies, also the paused ones`() async throws {
        try await Self.withLongRun { tool, instances, _ in
            let paused = try #require(instances.first)
            kill(paused, SIGSTOP)
            #expect(await eventually { isStopped(paused) })
            tool.child.signal(SIGKILL)
            _ = await tool.end()
            #expect(await eventually { !instances.contains(where: isAlive) })
        }
    }
}

import Foundation
import HoldfastSimulation
import HoldfastTesting
import Processes
import TestSupport
import Testing

/// Simulations that this machine cannot carry out. No promise is broken by that, and none is said to be.
@Suite(.serialized) struct SimulationFailureTests {
    private static let messages = (0..<1000).map { "{\"id\":\"m\($0)\"}\n" }.joined()

    private static func simulate(
        artifacts: String, server: String? = nil, wrapper: [String] = []
    ) async throws -> Tool.Outcome {
        try await withFile(messages) { file in
            try await Tool(
                [
                    "simulate", "--instances", "2", "--messages", file, "--span", "20s", "--artifacts",
                    artifacts,
                    "--deadline", "1h",
                ] + (server == nil ? [] : ["--redis-from-environment"]),
                server: server, wrapper: wrapper
            ).end()
        }
    }

    private static func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "failed-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.path)
    }

    private static func expectFailure(_ outcome: Tool.Outcome, _ reason: String) {
        #expect(outcome.status == 74)
        #expect(outcome.error.contains(reason))
        #expect(!outcome.output.contains("BROKEN"))
    }

    @Test(.enabled("This machine lets nobody mount a file system.") { await canMount })
    func `A full disk ends the run, which says so`() async throws {
        try await Self.withFolder { folder in
            let outcome = try await Self.simulate(artifacts: folder, wrapper: Self.small(folder))
            Self.expectFailure(outcome, "cannot write \(folder)/")
            #expect(outcome.error.contains("No space left on device"))
        }
    }

    @Test func `Files that may not grow end the run, which says so`() async throws {
        try await Self.withFolder { folder in
            let limit = ["bash", "-c", "ulimit -f 400; exec \"$0\" \"$@\""]
            Self.expectFailure(
                try await Self.simulate(artifacts: folder, wrapper: limit),
                "cannot write \(folder)/ledger.sqlite")
        }
    }

    @Test func `A folder that can't be made is named, with the reason`() async throws {
        Self.expectFailure(
            try await Self.simulate(artifacts: "/dev/null/x"),
            "cannot create the directory /dev/null/x: Not a directory")
        try await withFile("") { file in
            Self.expectFailure(
                try await Self.simulate(artifacts: file), "cannot create the directory \(file)")
        }
    }

    @Test func `A log that can't be opened is named, not the program that was to write it`() async throws {
        try await Self.withFolder { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/instance-2.log", withIntermediateDirectories: false)
            Self.expectFailure(
                try await Self.simulate(artifacts: folder),
                "cannot open \(folder)/instance-2.log: Is a directory")
        }
    }

    @Test func `A server that takes no writes any more ends the run`() async throws {
        try await withPrivateRedisServer { server in
            try await Self.withFolder { folder in
                let run = Task { [url = server.url] in try await Self.simulate(artifacts: folder, server: url)
                }
                #expect(
                    await eventually {
                        (try? FileManager.default.contentsOfDirectory(atPath: folder + "/history"))?.isEmpty
                            == false
                    })
                try await redisCLI(server, "CONFIG", "SET", "maxmemory", "1")
                let outcome = try await run.value
                #expect(outcome.status == 69)
                #expect(outcome.error.contains("redis-server does not work any more"))
                #expect(outcome.error.contains("OOM"))
                #expect(!outcome.output.contains("BROKEN"))
            }
        }
    }

    /// Runs a program with a file system of two megabytes in a folder.
    private static func small(_ folder: String) -> [String] {
        ["unshare"] + (geteuid() == 0 ? [] : ["--user", "--map-root-user"]) + [
            "--mount", "sh", "-c", "mount -t tmpfs -o size=2m none '\(folder)' && exec \"$0\" \"$@\"",
        ]
    }

    private static var canMount: Bool {
        get async {
            let words = small("/mnt") + ["true"]
            guard let child = try? SpawnPlan(words[0], Array(words.dropFirst())).start() else { return false }
            for await _ in child.changes {}
            return child.state == .exited(status: 0)
        }
    }
}
